// Probe of memory: a stream of reads. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/math.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

// Four runs a quarter apart, as the product reads four panels: more than one run where a prefetcher follows several.
// n is a multiple of 64.
float stream_sum(const float* data, int64_t n) {
  Vec parts[4] = {zero(), zero(), zero(), zero()};
  const int64_t quarter = n / 4;
  for (int64_t i = 0; i < quarter; i += 16) {
    FL_UNROLL
    for (int j = 0; j < 4; ++j) parts[j] = add(parts[j], load(data + j * quarter + i));
  }
  return sum(add(add(parts[0], parts[1]), add(parts[2], parts[3])));
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
