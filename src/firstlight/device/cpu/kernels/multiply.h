// out += x w, or out = x w, in register blocks, of floats or (where a table has them) of pairs of bf16. Text compiled
// once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/unrolled.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

struct FloatTerms {
  using Input = float;
  using Weights = Vec;
  FL_INLINE Weights weights(const float* p) { return load(p); }
  FL_INLINE Vec add_to(Vec acc, Vec x, Weights w) { return fma(x, w, acc); }
  FL_INLINE Vec all(Input x) { return set1(x); }
};
#if defined(FL_PAIRS) && !defined(FL_TILES)
// x and w hold a pair where a float would be.
struct PairTerms {
  using Input = uint32_t;
  using Weights = Pair;
  FL_INLINE Weights weights(const float* p) { return load_pair(p); }
  FL_INLINE Vec add_to(Vec acc, Input x, Weights w) { return dot_pairs(acc, x, w); }
  FL_INLINE Input all(Input x) { return x; }
};
#endif

template <bool kAdd, typename Terms, int kRows, int kPanels>
FL_INLINE void multiply_block(const MultiplyTask& task, int64_t row, int64_t column) {
  const float* x = task.x + row * task.x_stride;
  const float* w = task.w + column;
  float* out = task.out + row * task.out_stride + column;
  Vec acc[kRows][kPanels];
  FL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    FL_UNROLL
    for (int p = 0; p < kPanels; ++p) acc[r][p] = kAdd ? load(out + r * task.out_stride + p * kPanel) : zero();
  }
  FL_UNROLL_TWICE
  for (int64_t k = 0; k < task.k; ++k) {
    typename Terms::Weights values[kPanels];
    FL_UNROLL
    for (int p = 0; p < kPanels; ++p) values[p] = Terms::weights(w + k * task.w_stride + p * kPanel);
    FL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      typename Terms::Input input;
      __builtin_memcpy(&input, x + r * task.x_stride + k, sizeof(input));
      const auto value = Terms::all(input);
      FL_UNROLL
      for (int p = 0; p < kPanels; ++p) acc[r][p] = Terms::add_to(acc[r][p], value, values[p]);
    }
  }
  FL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    FL_UNROLL
    for (int p = 0; p < kPanels; ++p) store(out + r * task.out_stride + p * kPanel, acc[r][p]);
  }
}

template <bool kAdd, typename Terms, int kRows, int kPanels>
void multiply_columns(const MultiplyTask& task, int64_t row) {
  int64_t column = 0;
  for (; column + kPanels * kPanel <= task.n; column += kPanels * kPanel)
    multiply_block<kAdd, Terms, kRows, kPanels>(task, row, column);
  if constexpr (kPanels > 1)
    for (; column < task.n; column += kPanel) multiply_block<kAdd, Terms, kRows, 1>(task, row, column);
}

template <bool kAdd, typename Terms, int kBlock = 0>
void multiply_rows(const MultiplyTask& task, int64_t row = 0) {
  constexpr Block block = kBlocks[kBlock];
  for (; row + block.rows <= task.rows; row += block.rows)
    multiply_columns<kAdd, Terms, block.rows, block.panels>(task, row);
  if constexpr (block.rows > 1) multiply_rows<kAdd, Terms, kBlock + 1>(task, row);
}

void multiply(const MultiplyTask& task) { multiply_rows<true, FloatTerms>(task); }
#if defined(FL_TILES)
// By tiles of as many rows as open_tiles() said, of which task.rows is a multiple; x and w are zeros up to the next
// multiple of 16 pairs.
template <bool kAdd, int kRows, int kPanels>
FL_INLINE void multiply_tile_block(const MultiplyTask& task, int64_t row, int64_t column) {
  const float* x = task.x + row * task.x_stride;
  const float* w = task.w + column;
  const auto out = [&](auto r, auto p) FL_STEP {
    return task.out + (row + r.value * kTileSide) * task.out_stride + column + p.value * kPanel;
  };
  unrolled_pairs<kRows, kPanels>([&](auto r, auto p) FL_STEP {
    if constexpr (kAdd)
      load_floats<2 * r.value + p.value>(out(r, p), task.out_stride);
    else
      zero_tile<2 * r.value + p.value>();
  });
  for (int64_t k = 0; k < task.k; k += kTileSide) {
    unrolled<kPanels>(
        [&](auto p) FL_STEP { load_floats<6 + p.value>(w + k * task.w_stride + p.value * kPanel, task.w_stride); });
    unrolled<kRows>([&](auto r) FL_STEP {
      load_floats<4 + r.value>(x + r.value * kTileSide * task.x_stride + k, task.x_stride);
      unrolled<kPanels>([&](auto p) FL_STEP { multiply_tiles<2 * r.value + p.value, 4 + r.value, 6 + p.value>(); });
    });
  }
  unrolled_pairs<kRows, kPanels>([&](auto r, auto p)
                                     FL_STEP { store_floats<2 * r.value + p.value>(out(r, p), task.out_stride); });
}
template <bool kAdd, int kRows>
FL_INLINE void multiply_row_tiles(const MultiplyTask& task, int64_t row) {
  int64_t column = 0;
  for (; column + 2 * kPanel <= task.n; column += 2 * kPanel) multiply_tile_block<kAdd, kRows, 2>(task, row, column);
  if (column < task.n) multiply_tile_block<kAdd, kRows, 1>(task, row, column);
}
template <bool kAdd>
FL_INLINE void multiply_by_tiles(const MultiplyTask& task) {
  int64_t row = 0;
  for (; row + 2 * kTileSide <= task.rows; row += 2 * kTileSide) multiply_row_tiles<kAdd, 2>(task, row);
  if (row < task.rows) multiply_row_tiles<kAdd, 1>(task, row);
}
// out = x w, and out += x w.
void score_by_tiles(const MultiplyTask& task) { multiply_by_tiles<false>(task); }
void add_by_tiles(const MultiplyTask& task) { multiply_by_tiles<true>(task); }
#elif defined(FL_PAIRS)
void multiply_pairs(const MultiplyTask& task) { multiply_rows<true, PairTerms>(task); }
#endif

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
