// The linear product. Every output is one chain over the inputs in order,
//   floats:  acc = 0;  acc = fma(x[k], w[k][n], acc) for k = 0, 1, ...;          out = acc + 0 + bias
//   pairs:   acc = 0;  acc = dot(acc, x[2i, 2i + 1], w[2i, 2i + 1][n]) likewise
//   tiles:   even and odd inputs of each block of 32 apart (tiles.h)
// with lanes over the outputs, so that one row, few rows and many rows agree to the bit. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/finish.h"
#include "firstlight/device/cpu/kernels/weights.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

// The accumulators leave their registers here and nowhere else.
template <typename In, int kRows, int kPanels>
FL_INLINE void finish_all(const LinearTask& task, int64_t panel, const typename In::Sum (&acc)[kRows][kPanels]) {
  float results[kRows][kPanels][kPanel];
  unrolled<kRows>([&](auto r) FL_STEP {
    unrolled<kPanels>([&](auto p) FL_STEP { store(results[r.value][p.value], In::total(acc[r.value][p.value])); });
  });
  for (int r = 0; r < kRows; ++r)
    for (int p = 0; p < kPanels; ++p) finish(task, r, panel + p, load(results[r][p]));
}

// ---- How inputs are taken --------------------------------------------------------------------------------------

// Of an input: the next `kTogether` of a chain. A sum is folded after every kBlock inputs, where that is not 0.
struct Floats {
  using Input = float;
  using Sum = Vec;
  static constexpr int kTogether = 1;
  static constexpr int kBlock = 0;
  static constexpr bool kFlushes = false;               // whether subnormal numbers count as zero
  static constexpr int kScaled = 16;                    // inputs that are scaled at a time
  static constexpr const int* kPanels = kDirectPanels;  // of weights without exponents at a time, by rows
  FL_INLINE Input input(const void* x, int64_t k) { return static_cast<const float*>(x)[k]; }
  template <typename W, int kJ>
  FL_INLINE auto weight(const uint8_t* unit) {
    return W::template lanes<kJ>(unit);
  }
  FL_INLINE Sum start() { return zero(); }
  template <int>
  FL_INLINE Vec dot(Vec acc, Input x, Vec w) {
    return fma(set1(x), w, acc);
  }
  FL_INLINE Vec fold(Vec acc) { return acc; }
  FL_INLINE Vec total(Vec acc) { return acc; }
  // Inputs by 2^(E - 127) kFactor, where that gives normal numbers or zeros.
  template <typename W>
  FL_INLINE Vec scales(const uint8_t* exponents_of_inputs) {
    return group_scales<W>(load_bytes(exponents_of_inputs));
  }
  FL_INLINE void scale(const void* x, Vec scales, Input* out) {
    store(out, mul(load(static_cast<const float*>(x)), scales));
  }
};

#if defined(FL_TILES)
struct Tiles : Floats {
  struct Sum {
    Vec all;
    Vec even;
    Vec odd;
  };
  static constexpr int kBlock = kTileDepth;
  static constexpr bool kFlushes = true;
  FL_INLINE Sum start() { return {zero(), zero(), zero()}; }
  template <int kJ>
  FL_INLINE Sum dot(Sum acc, Input x, Vec w) {
    if constexpr (kJ % 2 == 0)
      return {acc.all, fma(set1(x), w, acc.even), acc.odd};
    else
      return {acc.all, acc.even, fma(set1(x), w, acc.odd)};
  }
  FL_INLINE Sum fold(Sum acc) { return {add(acc.all, add(acc.even, acc.odd)), zero(), zero()}; }
  FL_INLINE Vec total(Sum acc) { return fold(acc).all; }
};
#endif

#if defined(FL_PAIRS)
struct Pairs {
  using Input = uint32_t;
  using Sum = Vec;
  static constexpr int kTogether = 2;
  static constexpr int kBlock = 0;
  static constexpr bool kFlushes = false;  // the instruction does, whatever is done about it here
  static constexpr int kScaled = 32;
  static constexpr const int* kPanels = kPairPanels;
  FL_INLINE Input input(const void* x, int64_t k) {
    Input pair_of_inputs;
    __builtin_memcpy(&pair_of_inputs, static_cast<const uint16_t*>(x) + k, sizeof(pair_of_inputs));
    return pair_of_inputs;
  }
  template <typename W, int kJ>
  FL_INLINE Pair weight(const uint8_t* unit) {
    return W::template pair<kJ>(unit);
  }
  FL_INLINE Sum start() { return zero(); }
  template <int>
  FL_INLINE Vec dot(Vec acc, Input x, Pair w) {
    return dot_pairs(acc, x, w);
  }
  FL_INLINE Vec fold(Vec acc) { return acc; }
  FL_INLINE Vec total(Vec acc) { return acc; }
  template <typename W>
  FL_INLINE Shifts scales(const uint8_t* exponents_of_inputs) {
    return pair_shifts(exponents_of_inputs, kPowerBelow<W::kCodeBits>);
  }
  FL_INLINE void scale(const void* x, Shifts scales, Input* out) {
    store_scaled(out, static_cast<const uint16_t*>(x), scales);
  }
};
#endif

template <typename In>
constexpr int64_t kInputBytes = static_cast<int64_t>(sizeof(typename In::Input)) / In::kTogether;
template <typename In>
FL_INLINE const void* input_row(const LinearTask& task, int64_t row) {
  return static_cast<const uint8_t*>(task.x) + row * task.x_stride * kInputBytes<In>;
}

// ---- Few rows: weights go from memory into the product ---------------------------------------------------------

template <typename In, int kRows, int kPanels>
FL_INLINE void start_all(typename In::Sum (&acc)[kRows][kPanels]) {
  unrolled<kRows>([&](auto r)
                      FL_STEP { unrolled<kPanels>([&](auto p) FL_STEP { acc[r.value][p.value] = In::start(); }); });
}
template <typename In, int kRows, int kPanels>
FL_INLINE void fold_all(typename In::Sum (&acc)[kRows][kPanels]) {
  unrolled<kRows>([&](auto r) FL_STEP {
    unrolled<kPanels>([&](auto p) FL_STEP { acc[r.value][p.value] = In::fold(acc[r.value][p.value]); });
  });
}

constexpr int64_t kPlainAhead = 1024;  // bytes, of each panel without exponents

// Weights without exponents.
template <typename In, typename W, int kRows, int kPanels>
void direct_plain(const LinearTask& task, int64_t panel) {
  const uint8_t* data[kPanels];
  for (int p = 0; p < kPanels; ++p) data[p] = task.weight.data + (panel + p) * task.weight.panel_bytes;
  const void* x[kRows];
  for (int r = 0; r < kRows; ++r) x[r] = input_row<In>(task, r);
  typename In::Sum acc[kRows][kPanels];
  start_all<In>(acc);
  constexpr int kUnit = W::kUnit;
  const auto step = [&](int64_t k, int64_t count) FL_STEP {
    unrolled<kPanels>([&](auto p) FL_STEP {
      prefetch(data[p.value] + kPlainAhead);
      unrolled<kUnit / In::kTogether>([&](auto j) FL_STEP {
        if (j.value * In::kTogether >= count) return;
        const auto w = In::template weight<W, j.value>(data[p.value]);
        unrolled<kRows>([&](auto r) FL_STEP {
          acc[r.value][p.value] =
              In::template dot<j.value>(acc[r.value][p.value], In::input(x[r.value], k + j.value * In::kTogether), w);
        });
      });
    });
    for (int p = 0; p < kPanels; ++p) data[p] += W::kUnitBytes;
  };
  int64_t k = 0;
  for (; k + kUnit <= task.weight.k; k += kUnit) step(k, kUnit);
  if (k < task.weight.k) step(k, task.weight.k - k);
  finish_all<In, kRows, kPanels>(task, panel, acc);
}

// Weights with exponents, a bundle or one panel of it: 2^E goes into the input, once for 16 columns, which is exact as
// long as that neither over- nor underflows. kWide panels are multiplied at a time. Returns false, nothing written,
// where it may have.
template <typename In, typename W, int kRows, int kPanels, int kWide>
bool direct_scaled(const LinearTask& task, int64_t panel) {
  Groups groups = groups_of<W>(task.weight, panel);
  if constexpr (kPanels == kBundle)
    groups = {groups.first, kBundle * kGroupBytes<W>, kBundle};  // known to the compiler
  const void* x[kRows];
  for (int r = 0; r < kRows; ++r) x[r] = input_row<In>(task, r);
  typename In::Sum acc[kRows][kPanels];
  start_all<In>(acc);
  ExponentRange range;
  struct Scaled {
    typename In::Input inputs[kRows][kPanels][kGroup / In::kTogether];
  };
  Scaled buffers[2];  // a group is scaled while the one before it is multiplied
  typename In::Input last[kRows][kGroup / In::kTogether] = {};
  const auto scale = [&](int64_t k, Scaled& out) FL_STEP {
    if (task.weight.k - k < kGroup) {  // codes beyond K are zero, and so are the inputs
      for (int r = 0; r < kRows; ++r) {
        __builtin_memcpy(last[r], x[r], static_cast<size_t>((task.weight.k - k) * kInputBytes<In>));
        x[r] = last[r];
      }
    }
    unrolled<kPanels>([&](auto p) FL_STEP {
      const uint8_t* group = groups.exponents(k / kGroup) + p.value * kGroup;
      prefetch(group + kBundleAhead);
      widen(range, group);
      unrolled<kGroup / In::kScaled>([&](auto i) FL_STEP {
        constexpr int kFirst = i.value * In::kScaled;
        const auto scales = In::template scales<W>(group + kFirst);
        unrolled<kRows>([&](auto r) FL_STEP {
          In::scale(static_cast<const uint8_t*>(x[r.value]) + kFirst * kInputBytes<In>, scales,
                    out.inputs[r.value][p.value] + kFirst / In::kTogether);
        });
      });
    });
    if (k + kGroup < task.weight.k)
      for (int r = 0; r < kRows; ++r) x[r] = static_cast<const uint8_t*>(x[r]) + kGroup * kInputBytes<In>;
  };
  if (task.weight.k > 0) scale(0, buffers[0]);
  for (int64_t k = 0; k < task.weight.k; k += kGroup) {
    const Scaled& scaled = buffers[k / kGroup % 2];
    if (k + kGroup < task.weight.k) scale(k + kGroup, buffers[(k / kGroup + 1) % 2]);
    unrolled<kPanels / kWide>([&](auto part) FL_STEP {
      constexpr int kFirst = part.value * kWide;
      typename In::Sum sums[kRows][kWide];
      unrolled<kRows>([&](auto r) FL_STEP {
        unrolled<kWide>([&](auto p) FL_STEP { sums[r.value][p.value] = acc[r.value][kFirst + p.value]; });
      });
      const uint8_t* codes = groups.codes(k / kGroup) + kFirst * kWordBytes;
      for (int i = 0; i < kGroup; i += W::kUnit, codes += groups.word_stride()) {
        unrolled<kWide>([&](auto p) FL_STEP {
          prefetch(codes + p.value * kWordBytes + kBundleAhead);
          unrolled<W::kUnit / In::kTogether>([&](auto j) FL_STEP {
            const auto w = In::template weight<W, j.value>(codes + p.value * kWordBytes);
            unrolled<kRows>([&](auto r) FL_STEP {
              sums[r.value][p.value] = In::template dot<j.value>(
                  sums[r.value][p.value], scaled.inputs[r.value][kFirst + p.value][i / In::kTogether + j.value], w);
            });
          });
        });
        if constexpr (In::kBlock > 0)
          if (i % In::kBlock == In::kBlock - W::kUnit) fold_all<In>(sums);
      }
      unrolled<kRows>([&](auto r) FL_STEP {
        unrolled<kWide>([&](auto p) FL_STEP { acc[r.value][kFirst + p.value] = sums[r.value][p.value]; });
      });
    });
  }
  // Products of the smallest and of the largest stay normal numbers with room for the factors of the lanes.
  constexpr int kRoom = 40;
  constexpr int kLeastScale = In::kFlushes ? 32 : -1;  // group_scales are normal numbers too
  const int lowest = least_of(range);
  const bool exact = task.x_lowest > 0 && task.x_highest < 255 && lowest > kLeastScale &&
                     task.x_lowest + lowest > 127 + kRoom && task.x_highest + most_of(range) < 254 + 127 - kRoom;
  if (!exact) return false;
  finish_all<In, kRows, kPanels>(task, panel, acc);
  return true;
}

// One row and one panel, the weight's value in full before the product: for the ends of the range.
template <typename In, typename W>
void direct_careful(const LinearTask& task, int64_t row, int64_t panel) {
  const Groups groups = groups_of<W>(task.weight, panel);
  const void* x = input_row<In>(task, row);
  typename In::Sum acc = In::start();
  for (int64_t k = 0; k < task.weight.k; k += kGroup) {
    const uint8_t* exponents_of_group = groups.exponents(k / kGroup);
    const uint8_t* codes = groups.codes(k / kGroup);
    Vec values[kGroup];
    for (int i = 0; i < kGroup; i += W::kUnit, codes += groups.word_stride())
      unrolled<W::kUnit>(
          [&](auto j) FL_STEP { values[i + j.value] = value<W, j.value>(codes, exponents_of_group[i + j.value]); });
    const auto step = [&](auto odd, int i) FL_STEP {
      if (k + i >= task.weight.k) return;
      if constexpr (In::kTogether == 1) {
        acc = In::template dot<odd.value>(acc, In::input(x, k + i), values[i]);
#if defined(FL_PAIRS)
      } else if constexpr (odd.value == 0) {
        acc = In::template dot<0>(acc, In::input(x, k + i), join(values[i], values[i + 1]));
#endif
      }
    };
    for (int i = 0; i < kGroup; i += 2) {
      step(Index<0>{}, i);
      step(Index<1>{}, i + 1);
      if constexpr (In::kBlock > 0)
        if (i % In::kBlock == In::kBlock - 2) acc = In::fold(acc);
    }
  }
  finish(task, row, panel, In::total(acc));
}

template <typename In, typename W, int kRows, int kPanels, int kWide>
void direct_bundle(const LinearTask& task, int64_t panel) {
  if (direct_scaled<In, W, kRows, kPanels, kWide>(task, panel)) return;
  for (int r = 0; r < kRows; ++r)
    for (int p = 0; p < kPanels; ++p) direct_careful<In, W>(task, r, panel + p);
}

template <typename In, typename W, int kRows>
void direct_rows(const LinearTask& task, int64_t begin, int64_t end) {
  int64_t panel = begin;
  if constexpr (W::kScaled) {
    constexpr int kMost = kScaledPanels[kRows];
    constexpr int kWide = In::kBlock > 0 && kRows > 1 ? (kMost + 1) / 2 : kMost;
    for (; panel + kBundle <= end; panel += kBundle) direct_bundle<In, W, kRows, kBundle, kWide>(task, panel);
    for (; panel < end; ++panel) direct_bundle<In, W, kRows, 1, 1>(task, panel);
  } else {
    constexpr int kPanels = In::kPanels[kRows];
    for (; panel + kPanels <= end; panel += kPanels) direct_plain<In, W, kRows, kPanels>(task, panel);
    for (; panel < end; ++panel) direct_plain<In, W, kRows, 1>(task, panel);
  }
}

template <typename In, typename W>
void direct(const LinearTask& task, int64_t begin, int64_t end) {
  switch (task.rows) {
    case 1:
      return direct_rows<In, W, 1>(task, begin, end);
    case 2:
      return direct_rows<In, W, 2>(task, begin, end);
    case 3:
      return direct_rows<In, W, 3>(task, begin, end);
    case 4:
      return direct_rows<In, W, 4>(task, begin, end);
    default:
      return;
  }
}

// Any weight by floats; the block formats by tiles; those and bf16 by pairs.
#if defined(FL_TILES)
// bf16 goes from memory into tiles, however few the rows (tiles.h).
__attribute__((noinline)) void direct_flushed(const LinearTask& task, int64_t begin, int64_t end) {
  with_block_weight(task.weight.code, [&](auto weight) { direct<Tiles, decltype(weight)>(task, begin, end); });
}
void linear_direct(const LinearTask& task, int64_t begin, int64_t end) {
  const unsigned before = flush_subnormals();
  direct_flushed(task, begin, end);
  restore_subnormals(before);
}
#elif defined(FL_PAIRS)
void linear_direct(const LinearTask& task, int64_t begin, int64_t end) {
  if (task.weight.code == WeightCode::kBf16) return direct<Pairs, Bf16Weight>(task, begin, end);
  with_block_weight(task.weight.code, [&](auto weight) { direct<Pairs, decltype(weight)>(task, begin, end); });
}
#else
void linear_direct(const LinearTask& task, int64_t begin, int64_t end) {
  with_weight(task.weight.code, [&](auto weight) { direct<Floats, decltype(weight)>(task, begin, end); });
}
#endif

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
