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

constexpr int kSubgroups = kIntegerGroup / kGroup;

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
    int16_t* block = out + i / kLanes * kLanes * kGroup + i % kLanes * 8;
    store_int16(block, block + kLanes * 8, mul(load(x + i * kGroup), factor));
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
constexpr int kCodeBits = W::kFractionBits + 2;
template <typename W>
constexpr int kFields = 8 / kCodeBits<W>;  // quads of codes in 64 bytes
template <typename W>
constexpr int kPackedQuads = kGroup / (4 * kFields<W>);  // of 16 inputs, 64 bytes each

// The p-th of them.
template <typename W>
FL_INLINE Quad packed_quad(const uint8_t* subgroup, int p) {
  const uint8_t* data = subgroup + kGroup + p * 64;
  if constexpr (W::kUnit == 1) return load_units(data);
  return load_quad(data);
}

alignas(64) constexpr uint8_t kNoCodes[kGroup + kGroup * kPanel] = {};

// The 16-input groups of a group of a panel; zeros beyond its end.
template <typename W>
struct Subgroups {
  const uint8_t* data[kSubgroups];
  FL_INLINE Subgroups at(const PanelWeight& weight, int64_t panel, int64_t group) {
    const int64_t first = group * kSubgroups;
    const int64_t count = (weight.k + kGroup - 1) / kGroup - first;
    const uint8_t* begin = weight.data + panel * weight.panel_bytes + first * kGroupBytes<W>;
    Subgroups result;
    for (int i = 0; i < kSubgroups; ++i) result.data[i] = i < count ? begin + i * kGroupBytes<W> : kNoCodes;
    return result;
  }
};

// 2^(e - 127 - (m - 1)).
template <typename W>
FL_INLINE float code_scale(int exponent) {
  return float_of(static_cast<uint32_t>(exponent) << 23) * (1.0F / static_cast<float>(1 << W::kFractionBits));
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
    out.sums[r.value] = inputs<kCodeBits<W>>(x + r.value * x_stride, by, out.values[r.value]);
  });
}

// body(i) for the subgroups 0, 1, ... of a group.
struct Counter {
  int value;
};
// Unrolling is a tenth of the time of codes of four bits and costs a second of compilation for each number of rows.
template <typename W>
constexpr bool kUnrolls = kUnrollsGroups&& kCodeBits<W> == 4;
template <typename W, int kCount, typename Body>
FL_INLINE void subgroups(const Body& body) {
  if constexpr (kUnrolls<W>) {
    unrolled<kCount>(body);
  } else {
    for (int i = 0; i < kCount; ++i) body(Counter{i});
  }
}

// acc += the group's products; quad(subgroup, index<i>) gives the i-th of a subgroup's four quads of codes.
template <typename W, int kRows, typename Codes>
FL_INLINE void multiply_group(const Codes& quad, const GroupInputs<kRows>& x, const float* scales,
                              int64_t scales_stride, float weight_scale, Vec (&acc)[kRows]) {
  constexpr int kBits = kCodeBits<W>;
  constexpr int kFold = kFoldQuads<kBits>;
  Totals totals[kRows];
  unrolled<kRows>([&](auto r) FL_STEP { totals[r.value] = no_totals(); });
  Totals codes = no_totals();
  static_assert(kFold % 4 == 0, "sums are folded after whole subgroups");
  subgroups<W, kSubgroups / (kFold / 4)>([&](auto part) FL_STEP {
    Sums<kBits> sums[kRows];
    unrolled<kRows>([&](auto r) FL_STEP { sums[r.value] = no_sums<kBits>(); });
    subgroups<W, kFold / 4>([&](auto of_part) FL_STEP {
      const int subgroup = part.value * (kFold / 4) + of_part.value;
      unrolled<4>([&](auto i) FL_STEP {
        const Quad w = quad(subgroup, i);
        codes = add_codes<kBits>(codes, w);
        unrolled<kRows>([&](auto r) FL_STEP {
          sums[r.value] = step<kBits>(sums[r.value], w, x.values[r.value] + subgroup * kGroup + 4 * i.value);
        });
      });
    });
    unrolled<kRows>([&](auto r) FL_STEP { totals[r.value] = fold<kBits>(totals[r.value], sums[r.value]); });
  });
  unrolled<kRows>([&](auto r) FL_STEP {
    const Totals sum = corrected<kBits>(totals[r.value], codes, x.sums[r.value]);
    acc[r.value] = fma(to_floats(sum), set1(scales[r.value * scales_stride] * weight_scale), acc[r.value]);
  });
}

// ---- Few rows: codes go from memory into the product -------------------------------------------------------------

constexpr int64_t kBatch = 4;  // groups whose inputs are made together, so that they do not wait for one another

template <typename W, int kRows>
void integer_panel(const LinearTask& task, int64_t panel) {
  constexpr int64_t kBytes = kSubgroups * kGroupBytes<W>;
  constexpr int64_t kAhead = 8192 / kBytes * kBytes;  // bytes
  const int64_t groups = integer_groups(task.weight.k);
  const auto* x = static_cast<const int16_t*>(task.x);
  Vec acc[kRows];
  unrolled<kRows>([&](auto r) FL_STEP { acc[r.value] = zero(); });
  GroupInputs<kRows> scaled[kBatch];
  float scales[kBatch];
  for (int64_t first = 0; first < groups; first += kBatch) {
    const int64_t count = smaller(kBatch, groups - first);
    for (int64_t i = 0; i < count; ++i) {
      alignas(64) int16_t by[kIntegerGroup];
      const auto subgroups = Subgroups<W>::at(task.weight, panel, first + i);
      scales[i] = code_scale<W>(multipliers(subgroups.data, by));
      scale_inputs<W, kRows>(x + (first + i) * kIntegerGroup, task.x_stride, by, scaled[i]);
    }
    for (int64_t i = 0; i < count; ++i) {
      const auto subgroups = Subgroups<W>::at(task.weight, panel, first + i);
      // The hardware, which sees exponents read before codes, does not foresee them. Panels follow one another, so what
      // is behind this one is the next.
      prefetch(subgroups.data[0] + kAhead, kBytes);
      Quad packed;
      const auto quad = [&](int subgroup, auto i) FL_STEP {
        constexpr int kField = i.value % kFields<W>;
        if constexpr (kField == 0) packed = packed_quad<W>(subgroups.data[subgroup], i.value / kFields<W>);
        return field<kCodeBits<W>, kField>(packed);
      };
      multiply_group<W, kRows>(quad, scaled[i], task.x_scales + first + i, groups, scales[i], acc);
    }
  }
  unrolled<kRows>([&](auto r) FL_STEP { finish(task, r.value, panel, acc[r.value]); });
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
  for (int64_t group = 0; group < groups; ++group) {
    const auto subgroups = Subgroups<W>::at(task.weight, panel, first + group);
    out.scales[group] = code_scale<W>(multipliers(subgroups.data, out.by[group]));
    uint8_t* quads = out.quads + group * kIntegerGroup * kPanel;
    for (const uint8_t* subgroup : subgroups.data)
      for (int packed = 0; packed < kPackedQuads<W>; ++packed) {
        const Quad word = packed_quad<W>(subgroup, packed);
        unrolled<kFields<W>>([&](auto j) FL_STEP {
          store_quad(quads, field<kCodeBits<W>, j.value>(word));
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
    const auto quad = [&](int subgroup, auto i) FL_STEP { return load_quad(quads + (subgroup * 4 + i.value) * 64); };
    multiply_group<W, kRows>(quad, scaled[group], task.x_scales + row * all_groups + first + group, all_groups,
                             codes.scales[group], acc);
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
    for (int64_t panel = begin; panel < end; ++panel) integer_panel<W, kRows>(task, panel);
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
