// Probe of arithmetic: registers full of the operation that the product repeats. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/math.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

// Chains that no two lanes share: equal ones would be computed once.
template <int kChains>
FL_INLINE void start_chains(Vec (&acc)[kChains]) {
  float lanes[16];
  for (int i = 0; i < kChains; ++i) {
    for (int lane = 0; lane < 16; ++lane) lanes[lane] = static_cast<float>(16 * i + lane);
    acc[i] = load(lanes);
  }
}

#if defined(FL_PAIRS)
// `count` rounds of products of pairs on as many independent chains as the product keeps in registers.
double rounds(int64_t count, float* sink_value) {
  constexpr int kChains = kBlocks[0].rows * kBlocks[0].panels;
  Vec acc[kChains];
  start_chains(acc);
  const Pair factor = join(set1(*sink_value), set1(0.25F));
  for (int64_t round = 0; round < count; ++round) {
    FL_UNROLL
    for (int i = 0; i < kChains; ++i) acc[i] = dot_pairs(acc[i], 0xBE803E80U, factor);
  }
  Vec all = acc[0];
  for (int i = 1; i < kChains; ++i) all = add(all, acc[i]);
  *sink_value = sum(all) * 0x1p-20F;
  return static_cast<double>(count) * kChains * 32 * 2;
}
#else
// `count` rounds of multiply-adds on as many independent chains as the product keeps in registers.
double rounds(int64_t count, float* sink_value) {
  constexpr int kChains = kBlocks[0].rows * kBlocks[0].panels;
  Vec acc[kChains];
  start_chains(acc);
  const Vec factor = set1(*sink_value);
  const Vec term = set1(0.5F);
  for (int64_t round = 0; round < count; ++round) {
    FL_UNROLL
    for (int i = 0; i < kChains; ++i) acc[i] = fma(acc[i], factor, term);
  }
  Vec all = acc[0];
  for (int i = 1; i < kChains; ++i) all = add(all, acc[i]);
  *sink_value = sum(all);
  return static_cast<double>(count) * kChains * 16 * 2;
}
#endif

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
