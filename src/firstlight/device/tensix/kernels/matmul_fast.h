// The product of truncated operands: what the phases read of each, summed in fp32. Products are exact in fp32 (11 and
// 10 bits), so a multiply and an add round as a fused one would, and every table gives the same bits.
#pragma once

#include "firstlight/device/tensix/kernels/kernels.h"

namespace firstlight::device::tensix::FL_ISA {
namespace {

// The slice without its tilt.
FL_INLINE float untilted(float slice, uint32_t mask) {
  return __builtin_bit_cast(float, __builtin_bit_cast(uint32_t, slice) & mask);
}

void multiply_fast(const MatrixTask& task) {
  const bool whole_a = task.phases >= 2;
  const bool whole_b = task.phases >= 3;
  for (int row = 0; row < task.rows; ++row) {
    float x[kSide];
    for (int k = 0; k < kSide; ++k) {
      const int at = row * kSide + k;
      x[k] = untilted(task.in0->high[at], 0xFFFE0000U);
      if (whole_b) x[k] += untilted(task.in0->low[at], 0xFFF00000U);
    }
    for (int column = 0; column < kSide; column += kLanes) {
      uint32_t* out = task.dst + row * kSide + column;
      F sum = floats(load_words(out));
      for (int k = 0; k < kSide; ++k) {
        F w = load(task.in1->high + k * kSide + column);
        if (whole_a) w = add(w, load(task.in1->low + k * kSide + column));
        sum = add(sum, mul(broadcast(x + k), w));
      }
      store_words(out, bits(sum));
    }
  }
}

}  // namespace
}  // namespace firstlight::device::tensix::FL_ISA
