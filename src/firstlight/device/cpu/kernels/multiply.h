// out += x w in f32, in register blocks. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/math.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

template <int kRows, int kPanels>
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
    Vec values[kPanels];
    FL_UNROLL
    for (int p = 0; p < kPanels; ++p) values[p] = load(w + k * task.w_stride + p * kPanel);
    FL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      const Vec value = set1(x[r * task.x_stride + k]);
      FL_UNROLL
      for (int p = 0; p < kPanels; ++p) acc[r][p] = fma(value, values[p], acc[r][p]);
    }
  }
  FL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    FL_UNROLL
    for (int p = 0; p < kPanels; ++p) store(out + r * task.out_stride + p * kPanel, acc[r][p]);
  }
}

template <int kRows, int kPanels>
void multiply_columns(const MultiplyTask& task, int64_t row) {
  int64_t column = 0;
  for (; column + kPanels * kPanel <= task.n; column += kPanels * kPanel)
    multiply_block<kRows, kPanels>(task, row, column);
  if constexpr (kPanels > 1)
    for (; column < task.n; column += kPanel) multiply_block<kRows, 1>(task, row, column);
}

template <int kBlock>
void multiply_rows(const MultiplyTask& task, int64_t row) {
  constexpr Block block = kBlocks[kBlock];
  for (; row + block.rows <= task.rows; row += block.rows) multiply_columns<block.rows, block.panels>(task, row);
  if constexpr (block.rows > 1) multiply_rows<kBlock + 1>(task, row);
}

void multiply(const MultiplyTask& task) { multiply_rows<0>(task, 0); }

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
