// out += x w in register blocks, of floats or (where a table has them) of pairs of bf16. Text compiled once per ISA.
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

template <typename Terms, int kRows, int kPanels>
FL_INLINE void multiply_block(const MultiplyTask& task, int64_t row, int64_t column) {
  const float* x = task.x + row * task.x_stride;
  const float* w = task.w + column;
  float* out = task.out + row * task.out_stride + column;
  Vec acc[kRows][kPanels];
  FL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    FL_UNROLL
    for (int p = 0; p < kPanels; ++p) acc[r][p] = load(out + r * task.out_stride + p * kPanel);
  }
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

template <typename Terms, int kRows, int kPanels>
void multiply_columns(const MultiplyTask& task, int64_t row) {
  int64_t column = 0;
  for (; column + kPanels * kPanel <= task.n; column += kPanels * kPanel)
    multiply_block<Terms, kRows, kPanels>(task, row, column);
  if constexpr (kPanels > 1)
    for (; column < task.n; column += kPanel) multiply_block<Terms, kRows, 1>(task, row, column);
}

template <typename Terms, int kBlock>
void multiply_rows(const MultiplyTask& task, int64_t row) {
  constexpr Block block = kBlocks[kBlock];
  for (; row + block.rows <= task.rows; row += block.rows) multiply_columns<Terms, block.rows, block.panels>(task, row);
  if constexpr (block.rows > 1) multiply_rows<Terms, kBlock + 1>(task, row);
}

void multiply(const MultiplyTask& task) { multiply_rows<FloatTerms, 0>(task, 0); }
#if defined(FL_TILES)
// out = x w by tiles of as many rows as open_tiles() said, at most task.rows; x and w are zeros up to the next multiple
// of 16 pairs.
template <int kRowTiles>
FL_INLINE void multiply_row_tiles(const MultiplyTask& task, int64_t row) {
  for (int64_t column = 0; column < task.n; column += kPanel) {
    unrolled<kRowTiles>([&](auto t) FL_STEP { zero_tile<t.value>(); });
    for (int64_t k = 0; k < task.k; k += kTileSide) {
      load_floats<6>(task.w + k * task.w_stride + column, task.w_stride);
      unrolled<kRowTiles>([&](auto t) FL_STEP {
        load_floats<4>(task.x + (row + t.value * kTileSide) * task.x_stride + k, task.x_stride);
        multiply_tiles<t.value, 4, 6>();
      });
    }
    unrolled<kRowTiles>([&](auto t) FL_STEP {
      store_floats<t.value>(task.out + (row + t.value * kTileSide) * task.out_stride + column, task.out_stride);
    });
  }
}
void multiply_by_tiles(const MultiplyTask& task) {
  int64_t row = 0;
  for (; row + 4 * kTileSide <= task.rows; row += 4 * kTileSide) multiply_row_tiles<4>(task, row);
  for (; row + kTileSide <= task.rows; row += kTileSide) multiply_row_tiles<1>(task, row);
  if (row == task.rows) return;
  multiply_row_tiles<1>(task, task.rows > kTileSide ? task.rows - kTileSide : 0);  // some rows a second time
}
#elif defined(FL_PAIRS)
void multiply_pairs(const MultiplyTask& task) { multiply_rows<PairTerms, 0>(task, 0); }
#endif

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
