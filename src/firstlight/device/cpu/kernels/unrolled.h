// Loops whose counter is a constant. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/math.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

// Calls body(Index<0>), body(Index<1>), ...: a loop whose counter is a constant.
template <int kIndex>
struct Index {
  static constexpr int value = kIndex;
};
template <int kCount, int kFirst = 0, typename Body>
FL_INLINE void unrolled(const Body& body) {
  if constexpr (kFirst < kCount) {
    body(Index<kFirst>{});
    unrolled<kCount, kFirst + 1>(body);
  }
}
#if defined(FIRSTLIGHT_SIMDE)
#define FL_STEP  // as FL_INLINE
#else
#define FL_STEP __attribute__((always_inline))  // of the lambdas that unrolled() calls
#endif
// Calls body(Index<count>{}) for a count of 1 to kMost.
template <int kMost, typename Body>
FL_INLINE void with_count(int64_t count, const Body& body) {
  if constexpr (kMost > 0) {
    if (count == kMost) return body(Index<kMost>{});
    with_count<kMost - 1>(count, body);
  }
}
template <int kRows, int kColumns, typename Body>
FL_INLINE void unrolled_pairs(const Body& body) {
  unrolled<kRows>([&](auto r) FL_STEP { unrolled<kColumns>([&](auto c) FL_STEP { body(r, c); }); });
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
