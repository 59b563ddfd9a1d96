// The linear product with inputs of 8 bits, for weights of block formats (code 2^(E - 127 - (m - 1)), an exponent for
// an input and 16 columns). For each group of kIntegerGroup inputs x of a row:
//   scale = max |x| / 127;   X = round(x 256 / scale)                                  once a row, 16 bits
//   e = max E;               v = round(X 2^(E - e) / 256), halves up                   once a panel, 8 bits
//   out = fma(sum of v code, scale 2^(e - 127 - (m - 1)), out)                         the sum is exact
// so that bits depend on neither the other rows nor on how a kernel is cut, and |v - its real value| < 0.502. A group
// whose largest input is below kLeastInput counts as zeros; one that holds an infinity or a NaN gives NaN. Text
// compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/finish.h"
#include "firstlight/device/cpu/kernels/unrolled.h"
#include "firstlight/device/cpu/kernels/weights.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

constexpr int kSubgroup = 16;  // inputs
constexpr int kSubgroups = kIntegerGroup / kSubgroup;

FL_INLINE uint32_t bits_of(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof(bits));
  return bits;
}
FL_INLINE float float_of(uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof(x));
  return x;
}

// 64 inputs.
FL_INLINE float quantise_group(const float* x, int16_t* out) {
  uint32_t most = 0;
  for (int i = 0; i < kIntegerGroup; ++i) {
    const uint32_t bits = bits_of(x[i]) & 0x7FFFFFFFU;
    most = most > bits ? most : bits;
  }
  const float largest = float_of(most);
  if (!(largest >= kLeastInput && largest < kInfinity)) {
    for (int i = 0; i < kIntegerGroup; ++i) out[i] = 0;
    return largest < kLeastInput ? 0.0F : largest - largest;
  }
  const Vec factor = set1(32512.0F / largest);
  constexpr int kLanes = kMultiplierLanes;
  for (int i = 0; i < kSubgroups; ++i) {
    int16_t* block = out + i / kLanes * kLanes * kSubgroup + i % kLanes * 8;
    store_int16(block, block + kLanes * 8, mul(load(x + i * kSubgroup), factor));
  }
  return largest / 127.0F;
}

void quantise(const float* x, int64_t k, int16_t* out, float* scales) {
  int64_t first = 0;
  for (; first + kIntegerGroup <= k; first += kIntegerGroup, out += kIntegerGroup)
    *scales++ = quantise_group(x + first, out);
  if (first == k) return;
  float last[kIntegerGroup] = {};
  __builtin_memcpy(last, x + first, static_cast<size_t>(k - first) * sizeof(float));
  *scales = quantise_group(last, out);
}

template <typename W>
constexpr int kFields = 8 / W::kCodeBits;  // quads of codes in 64 bytes
template <typename W>
constexpr int kPackedQuads = kGroup / (4 * kFields<W>);  // of a group, 64 bytes each

// 2^(e - 127 - (m - 1)).
template <typename W>
FL_INLINE float code_scale(int exponent) {
  return float_of(static_cast<uint32_t>(exponent) << 23) * W::kOne;
}

// ---- The product of a group ------------------------------------------------------------------------------------

// Inputs of some rows under a panel's exponents.
template <int kRows>
struct GroupInputs {
  alignas(64) int8_t values[kRows][kIntegerGroup];
  int32_t sums[kRows];
};

template <typename W, int kRows>
FL_INLINE void scale_inputs(const int16_t* x, int64_t x_stride, const int16_t* by, GroupInputs<kRows>& out) {
  unrolled<kRows>([&](auto r) FL_STEP {
    out.sums[r.value] = inputs<W::kCodeBits>(x + r.value * x_stride, by, out.values[r.value]);
  });
}

// acc += the group's products; quad(panel, subgroup, index<i>) gives the i-th of a subgroup's four quads of codes.
template <typename W, int kRows, int kPanels, typename Codes>
FL_INLINE void multiply_group(const Codes& quad, const GroupInputs<kRows>* x, const float* scales,
                              int64_t scales_stride, const float* weight_scales, Vec (*acc)[kRows]) {
  constexpr int kBits = W::kCodeBits;
  constexpr int kFold = kFoldQuads<kBits>;
  Totals totals[kPanels][kRows];
  Totals codes[kPanels];
  unrolled<kPanels>([&](auto p) FL_STEP {
    codes[p.value] = no_totals();
    unrolled<kRows>([&](auto r) FL_STEP { totals[p.value][r.value] = no_totals(); });
  });
  static_assert(kFold % 4 == 0, "sums are folded after whole subgroups");
  for (int part = 0; part < kSubgroups / (kFold / 4); ++part) {
    Sums<kBits> sums[kPanels][kRows];
    unrolled<kPanels>(
        [&](auto p) FL_STEP { unrolled<kRows>([&](auto r) FL_STEP { sums[p.value][r.value] = no_sums<kBits>(); }); });
    for (int of_part = 0; of_part < kFold / 4; ++of_part) {
      const int subgroup = part * (kFold / 4) + of_part;
      unrolled<4>([&](auto i) FL_STEP {
        unrolled<kPanels>([&](auto p) FL_STEP {
          const Quad w = quad(p, subgroup, i);
          codes[p.value] = add_codes<kBits>(codes[p.value], w);
          unrolled<kRows>([&](auto r) FL_STEP {
            sums[p.value][r.value] =
                step<kBits>(sums[p.value][r.value], w, x[p.value].values[r.value] + subgroup * kSubgroup + 4 * i.value);
          });
        });
      });
    }
    unrolled<kPanels>([&](auto p) FL_STEP {
      unrolled<kRows>([&](auto r) FL_STEP {
        totals[p.value][r.value] = fold<kBits>(totals[p.value][r.value], sums[p.value][r.value]);
      });
    });
  }
  unrolled<kPanels>([&](auto p) FL_STEP {
    unrolled<kRows>([&](auto r) FL_STEP {
      const Totals sum = corrected<kBits>(totals[p.value][r.value], codes[p.value], x[p.value].sums[r.value]);
      const Vec scale = set1(scales[r.value * scales_stride] * weight_scales[p.value]);
      acc[p.value][r.value] = fma(to_floats(sum), scale, acc[p.value][r.value]);
    });
  });
}

// ---- Few rows: codes go from memory into the product -------------------------------------------------------------

// A bundle, or one panel of it, kWide panels at a time.
template <typename W, int kRows, int kPanels, int kWide>
void integer_bundle(const LinearTask& task, int64_t panel) {
  const int64_t groups = integer_groups(task.weight.k);
  Groups weights = groups_of<W>(task.weight, panel);
  if constexpr (kPanels == kBundle) weights = {weights.first, kBundle * kGroupBytes<W>, kBundle};
  const auto* x = static_cast<const int16_t*>(task.x);
  Vec acc[kPanels][kRows];
  for (int p = 0; p < kPanels; ++p) unrolled<kRows>([&](auto r) FL_STEP { acc[p][r.value] = zero(); });
  struct Scaled {
    GroupInputs<kRows> inputs[kPanels];
    float scales[kPanels];
  };
  Scaled buffers[2];  // a group's inputs are made while the one before it is multiplied
  const auto scale = [&](int64_t group, Scaled& out) FL_STEP {
    for (int p = 0; p < kPanels; ++p) {
      alignas(64) int16_t by[kIntegerGroup];
      const uint8_t* exponents_of_group = weights.exponents(group) + p * kGroup;
      prefetch(exponents_of_group + kBundleAhead);
      out.scales[p] = code_scale<W>(multipliers(exponents_of_group, by));
      scale_inputs<W, kRows>(x + group * kIntegerGroup, task.x_stride, by, out.inputs[p]);
    }
  };
  if (groups > 0) scale(0, buffers[0]);
  for (int64_t group = 0; group < groups; ++group) {
    const Scaled& scaled = buffers[group % 2];
    if (group + 1 < groups) scale(group + 1, buffers[(group + 1) % 2]);
    for (int first = 0; first < kPanels; first += kWide) {
      const uint8_t* codes = weights.codes(group) + first * kWordBytes;
      Quad packed[kWide];
      const auto quad = [&](auto p, int subgroup, auto i) FL_STEP {
        constexpr int kField = i.value % kFields<W>;
        if constexpr (kField == 0) {
          const uint8_t* word =
              codes + (subgroup * 4 + i.value) / kFields<W> * weights.word_stride() + p.value * kWordBytes;
          packed[p.value] = load_quad(word);
          prefetch(word + kBundleAhead);
        }
        return field<W::kCodeBits, kField>(packed[p.value]);
      };
      multiply_group<W, kRows, kWide>(quad, scaled.inputs + first, task.x_scales + group, groups, scaled.scales + first,
                                      acc + first);
    }
  }
  for (int p = 0; p < kPanels; ++p)
    unrolled<kRows>([&](auto r) FL_STEP { finish(task, r.value, panel + p, acc[p][r.value]); });
}

// ---- Many rows: codes are spread out once for all ----------------------------------------------------------------

constexpr int64_t kDepthGroups = kIntegerDepth / kIntegerGroup;

struct SpreadCodes {
  uint8_t* quads;  // [groups][16 quads][64]
  alignas(64) int16_t by[kDepthGroups][kIntegerGroup];
  float scales[kDepthGroups];
};

template <typename W>
void spread(const LinearTask& task, int64_t panel, int64_t first, int64_t groups, SpreadCodes& out) {
  const Groups weights = groups_of<W>(task.weight, panel);
  for (int64_t group = 0; group < groups; ++group) {
    const uint8_t* data = weights.codes(first + group);
    out.scales[group] = code_scale<W>(multipliers(weights.exponents(first + group), out.by[group]));
    uint8_t* quads = out.quads + group * kIntegerGroup * kPanel;
    for (int packed = 0; packed < kPackedQuads<W>; ++packed) {
      const Quad word = load_quad(data + packed * weights.word_stride());
      unrolled<kFields<W>>([&](auto j) FL_STEP {
        store_quad(quads, field<W::kCodeBits, j.value>(word));
        quads += 64;
      });
    }
  }
}

// results [rows][16] += the products of some rows by spread codes.
template <typename W, int kRows>
void integer_tile(const LinearTask& task, int64_t row, int64_t first, int64_t groups, const SpreadCodes& codes,
                  float* results) {
  const int64_t all_groups = integer_groups(task.weight.k);
  const auto* x = static_cast<const int16_t*>(task.x) + row * task.x_stride + first * kIntegerGroup;
  GroupInputs<kRows> scaled[kDepthGroups];
  for (int64_t group = 0; group < groups; ++group)
    scale_inputs<W, kRows>(x + group * kIntegerGroup, task.x_stride, codes.by[group], scaled[group]);
  Vec acc[kRows];
  unrolled<kRows>([&](auto r) FL_STEP { acc[r.value] = load(results + r.value * kPanel); });
  for (int64_t group = 0; group < groups; ++group) {
    const uint8_t* quads = codes.quads + group * kIntegerGroup * kPanel;
    const auto quad = [&](auto, int subgroup, auto i)
                          FL_STEP { return load_quad(quads + (subgroup * 4 + i.value) * 64); };
    multiply_group<W, kRows, 1>(quad, scaled + group, task.x_scales + row * all_groups + first + group, all_groups,
                                codes.scales + group, &acc);
  }
  unrolled<kRows>([&](auto r) FL_STEP { store(results + r.value * kPanel, acc[r.value]); });
}

// The fewest rows of a tile: tiles differ by one row at most, and there are more than kDirectRows rows.
constexpr int kHalfTileRows = (kIntegerTileRows + 1) / 2;
constexpr int kLeastTileRows = kDirectRows < kHalfTileRows ? static_cast<int>(kDirectRows) + 1 : kHalfTileRows;

template <typename W, int kRows = kIntegerTileRows>
void integer_tile_of(int64_t rows, const LinearTask& task, int64_t row, int64_t first, int64_t groups,
                     const SpreadCodes& codes, float* results) {
  if constexpr (kRows >= kLeastTileRows) {
    if (rows == kRows) return integer_tile<W, kRows>(task, row, first, groups, codes, results);
    integer_tile_of<W, kRows - 1>(rows, task, row, first, groups, codes, results);
  }
}

template <typename W>
void integer_block(const LinearTask& task, int64_t panel, uint8_t* scratch) {
  const int64_t groups = integer_groups(task.weight.k);
  SpreadCodes codes;
  codes.quads = scratch;
  auto* results = reinterpret_cast<float*>(scratch + kIntegerDepth * kPanel);  // [rows][16]
  for (int64_t i = 0; i < task.rows * kPanel; i += kPanel) store(results + i, zero());
  const int64_t tiles = tile_count(task.rows, kIntegerTileRows);
  for (int64_t first = 0; first < groups; first += kDepthGroups) {
    const int64_t count = smaller(kDepthGroups, groups - first);
    spread<W>(task, panel, first, count, codes);
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t row = tile_begin(task.rows, tiles, t);
      integer_tile_of<W>(tile_begin(task.rows, tiles, t + 1) - row, task, row, first, count, codes,
                         results + row * kPanel);
    }
  }
  for (int64_t r = 0; r < task.rows; ++r) finish(task, r, panel, load(results + r * kPanel));
}

template <typename W, int kRows = kDirectRows>
void integer_rows(const LinearTask& task, int64_t begin, int64_t end) {
  if constexpr (kRows > 0) {
    if (task.rows != kRows) return integer_rows<W, kRows - 1>(task, begin, end);
    int64_t panel = begin;
    for (; panel + kBundle <= end; panel += kBundle)
      integer_bundle<W, kRows, kBundle, kIntegerPanels[kRows]>(task, panel);
    for (; panel < end; ++panel) integer_bundle<W, kRows, 1, 1>(task, panel);
  }
}

template <typename W>
void integer(const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  if (task.rows <= kDirectRows) return integer_rows<W>(task, begin, end);
  for (int64_t panel = begin; panel < end; ++panel) integer_block<W>(task, panel, scratch);
}

void linear_integer(const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  switch (task.weight.code) {
    case WeightCode::kBfp8:
      return integer<Bfp8Weight>(task, begin, end, scratch);
    case WeightCode::kBfp4:
      return integer<Bfp4Weight>(task, begin, end, scratch);
    default:
      return integer<Bfp2Weight>(task, begin, end, scratch);
  }
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
