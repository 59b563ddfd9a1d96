// The end of a linear product: bias and rounding. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/math.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

// The outputs of one panel in one row.
FL_INLINE void finish(const LinearTask& task, int64_t row, int64_t panel, Vec acc) {
  const int64_t column = panel * kPanel;
  const int64_t count = smaller(kPanel, task.weight.n - column);
  acc = add(acc, zero());  // no negative zero: a chain may or may not have run through zeros beyond K
  if (count == kPanel) {
    if (task.bias != nullptr) acc = add(acc, load(task.bias + column));
    uint8_t* out = task.out + row * task.out_stride;
    if (task.out_element == Element::kF32)
      store(reinterpret_cast<float*>(out) + column, acc);
    else
      store_bf16(reinterpret_cast<uint16_t*>(out) + column, acc);
    return;
  }
  if (task.bias != nullptr) {
    float buffer[kPanel];
    acc = add(acc, load(read(source(task.bias), column, count, 0, buffer)));
  }
  float result[kPanel];
  store(result, acc);
  write({task.out + row * task.out_stride, task.out_element}, column, count, result);
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
