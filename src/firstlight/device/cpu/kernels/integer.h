// The linear product by whole numbers, for weights of block formats (code 2^(E - 127 - (m - 1)), an exponent for an
// input and 16 columns). For each group of kIntegerGroup inputs x of a row, taken as A says (integer_bytes.h,
// integer_words.h):
//   X = x / scale to the nearest                          once a row
//   e = max E;   v = X 2^(E - e) to the nearest           once a panel
//   out = fma(sum of v code, scale 2^(e - 127 - (m - 1)), out), the sum being exact
// so that bits depend on neither the other rows nor on how a kernel is cut. A group whose largest input is below
// kLeastInput counts as zeros; one that holds an infinity or a NaN gives NaN. Text compiled once per ISA.
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

// The largest magnitude of 64 inputs.
FL_INLINE float largest_of(const float* x) {
  uint32_t most = 0;
  for (int i = 0; i < kIntegerGroup; ++i) {
    const uint32_t bits = bits_of(x[i]) & 0x7FFFFFFFU;
    most = most > bits ? most : bits;
  }
  return float_of(most);
}
// Whether a group with this one has a scale of its own; if not, it is all zeros under no_scale().
FL_INLINE bool has_scale(float largest) { return largest >= kLeastInput && largest < kInfinity; }
FL_INLINE float no_scale(float largest) { return largest < kLeastInput ? 0.0F : largest - largest; }

// K inputs of a row, group by group: scale = group(x of a group, index of it), the last one filled up with zeros.
// Returns whether no scale is a NaN.
template <typename Body>
FL_INLINE bool for_groups(const float* x, int64_t k, const Body& group) {
  bool finite = true;
  const auto add = [&](const float* inputs, int64_t i) FL_STEP {
    const float scale = group(inputs, i);
    finite &= scale == scale;
  };
  int64_t first = 0;
  for (; first + kIntegerGroup <= k; first += kIntegerGroup) add(x + first, first / kIntegerGroup);
  if (first < k) {
    float last[kIntegerGroup] = {};
    __builtin_memcpy(last, x + first, static_cast<size_t>(k - first) * sizeof(float));
    add(last, first / kIntegerGroup);
  }
  return finite;
}

// 2^(e - 127 - (m - 1)).
template <typename W>
FL_INLINE float code_scale(int exponent) {
  return float_of(static_cast<uint32_t>(exponent) << 23) * W::kOne;
}

// ---- Few rows: codes go from memory into the product -------------------------------------------------------------

// A bundle, or one panel of it, kWide panels at a time.
template <typename A, typename W, int kRows, int kPanels, int kWide>
void integer_bundle(const LinearTask& task, int64_t panel) {
  const int64_t groups = integer_groups(task.weight.k);
  Groups weights = groups_of<W>(task.weight, panel);
  if constexpr (kPanels == kBundle) weights = {weights.first, kBundle * kGroupBytes<W>, kBundle};
  const auto* x = static_cast<const int16_t*>(task.x);
  Vec acc[kPanels][kRows];
  for (int p = 0; p < kPanels; ++p) unrolled<kRows>([&](auto r) FL_STEP { acc[p][r.value] = zero(); });
  struct Scaled {
    typename A::template Inputs<kRows> inputs[kPanels];
    float scales[kPanels];
  };
  Scaled buffers[2];  // a group's inputs are made while the one before it is multiplied
  const auto scale = [&](int64_t group, Scaled& out) FL_STEP {
    for (int p = 0; p < kPanels; ++p) {
      alignas(64) int16_t by[kIntegerGroup];
      const uint8_t* exponents_of_group = weights.exponents(group) + p * kGroup;
      prefetch(exponents_of_group + task.ahead);
      out.scales[p] = A::template scale_of_code<W>(exponents_of_group, by);
      A::template scale<W, kRows>(x + group * kIntegerGroup, task.x_stride, by, out.inputs[p]);
    }
  };
  if (groups > 0) scale(0, buffers[0]);
  for (int64_t group = 0; group < groups; ++group) {
    const Scaled& scaled = buffers[group % 2];
    if (group + 1 < groups) scale(group + 1, buffers[(group + 1) % 2]);
    for (int first = 0; first < kPanels; first += kWide) {
      const uint8_t* codes = weights.codes(group) + first * kWordBytes;
      A::template multiply<W, kRows, kWide>(codes, weights.word_stride(), task.ahead, scaled.inputs + first,
                                            task.x_scales + group, groups, scaled.scales + first, acc + first);
    }
  }
  for (int p = 0; p < kPanels; ++p)
    unrolled<kRows>([&](auto r) FL_STEP { finish(task, r.value, panel + p, acc[p][r.value]); });
}

// ---- Many rows: codes are spread out once for all ----------------------------------------------------------------

// Of a panel whose codes are spread out at a time: they and the inputs of a tile of rows stay in the first cache.
template <typename A>
constexpr int64_t kDepthGroups = kIntegerSpread / A::kSpreadBytes;

// Some groups of a panel.
template <typename A>
struct SpreadCodes {
  uint8_t* codes;  // [groups][A::kSpreadBytes]
  alignas(64) int16_t by[kDepthGroups<A>][kIntegerGroup];
  float scales[kDepthGroups<A>];
};

template <typename A, typename W>
void spread(const LinearTask& task, int64_t panel, int64_t first, int64_t groups, SpreadCodes<A>& out) {
  const Groups weights = groups_of<W>(task.weight, panel);
  for (int64_t group = 0; group < groups; ++group) {
    const uint8_t* data = weights.codes(first + group);
    out.scales[group] = A::template scale_of_code<W>(weights.exponents(first + group), out.by[group]);
    uint8_t* codes = out.codes + group * A::kSpreadBytes;
    constexpr int kWords = kGroup / W::kUnit;
    for (int i = 0; i < kWords; ++i)
      A::template spread<W>(data + i * weights.word_stride(), codes + i * (A::kSpreadBytes / kWords));
  }
}

// results [rows][16] += the products of some rows by spread codes.
template <typename A, typename W, int kRows>
void integer_tile(const LinearTask& task, int64_t row, int64_t first, int64_t groups, const SpreadCodes<A>& codes,
                  float* results) {
  const int64_t all_groups = integer_groups(task.weight.k);
  const auto* x = static_cast<const int16_t*>(task.x) + row * task.x_stride + first * kIntegerGroup;
  const float* x_scales = task.x_scales + row * all_groups + first;
  typename A::template Inputs<kRows> scaled[kDepthGroups<A>];
  for (int64_t group = 0; group < groups; ++group)
    A::template scale<W, kRows>(x + group * kIntegerGroup, task.x_stride, codes.by[group], scaled[group]);
  Vec acc[kRows];
  unrolled<kRows>([&](auto r) FL_STEP { acc[r.value] = load(results + r.value * kPanel); });
  for (int64_t group = 0; group < groups; ++group)
    A::template multiply_spread<W, kRows>(codes.codes + group * A::kSpreadBytes, scaled[group], x_scales + group,
                                          all_groups, codes.scales[group], acc);
  unrolled<kRows>([&](auto r) FL_STEP { store(results + r.value * kPanel, acc[r.value]); });
}

// The fewest rows of a tile: tiles differ by one row at most, and there are more than kDirectRows rows.
template <typename A>
constexpr int kLeastTileRows = kDirectRows < (A::kTileRows + 1) / 2 ? static_cast<int>(kDirectRows) + 1
                                                                    : (A::kTileRows + 1) / 2;

template <typename A, typename W, int kRows = A::kTileRows>
void integer_tile_of(int64_t rows, const LinearTask& task, int64_t row, int64_t first, int64_t groups,
                     const SpreadCodes<A>& codes, float* results) {
  if constexpr (kRows >= kLeastTileRows<A>) {
    if (rows == kRows) return integer_tile<A, W, kRows>(task, row, first, groups, codes, results);
    integer_tile_of<A, W, kRows - 1>(rows, task, row, first, groups, codes, results);
  }
}

// A bundle, or what there is of it.
template <typename A, typename W>
void integer_block(const LinearTask& task, int64_t panel, int64_t end, uint8_t* scratch) {
  const int64_t groups = integer_groups(task.weight.k);
  const int64_t panels = smaller(kBundle, end - panel);
  const Groups weights = groups_of<W>(task.weight, panel);
  SpreadCodes<A> codes;
  codes.codes = scratch;
  auto* results = reinterpret_cast<float*>(scratch + kIntegerSpread);  // [panels][rows][16]
  for (int64_t i = 0; i < panels * task.rows * kPanel; i += kPanel) store(results + i, zero());
  const int64_t tiles = tile_count(task.rows, A::kTileRows);
  for (int64_t first = 0; first < groups; first += kDepthGroups<A>) {
    const int64_t count = smaller(kDepthGroups<A>, groups - first);
    // What is to be multiplied next is asked for tile by tile: it follows in memory, whatever panels it belongs to.
    const uint8_t* next = weights.exponents(first + count);
    const int64_t next_bytes = (panel + panels) * kPanel >= task.weight.n && first + count == groups
                                   ? 0
                                   : count * weights.stride / (panels * tiles);
    for (int64_t p = 0; p < panels; ++p) {
      spread<A, W>(task, panel + p, first, count, codes);
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t row = tile_begin(task.rows, tiles, t);
        for (int64_t line = 0; line < next_bytes; line += kLine) prefetch(next + line);
        next += next_bytes;
        integer_tile_of<A, W>(tile_begin(task.rows, tiles, t + 1) - row, task, row, first, count, codes,
                              results + (p * task.rows + row) * kPanel);
      }
    }
  }
  for (int64_t r = 0; r < task.rows; ++r)
    for (int64_t p = 0; p < panels; ++p) finish(task, r, panel + p, load(results + (p * task.rows + r) * kPanel));
}

template <typename A, typename W, int kRows = kDirectRows>
void integer_rows(const LinearTask& task, int64_t begin, int64_t end) {
  if constexpr (kRows > 0) {
    if (task.rows != kRows) return integer_rows<A, W, kRows - 1>(task, begin, end);
    int64_t panel = begin;
    for (; panel + kBundle <= end; panel += kBundle)
      integer_bundle<A, W, kRows, kBundle, A::kPanels[kRows]>(task, panel);
    for (; panel < end; ++panel) integer_bundle<A, W, kRows, 1, 1>(task, panel);
  }
}

template <typename A>
void linear_integer(const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
  with_block_weight(task.weight.code, [&](auto weight) {
    using W = decltype(weight);
    if (task.rows <= kDirectRows) return integer_rows<A, W>(task, begin, end);
    for (int64_t panel = begin; panel < end; panel += kBundle) integer_block<A, W>(task, panel, end, scratch);
  });
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
