// How far a device may be from the reference: a rigorous bound for every element of an op's result, from the operands
// themselves. It is the tolerance of the parity tests.
#pragma once

#include <span>

#include "firstlight/device/contract.h"

namespace firstlight::device::ref {

// bound[i] >= |y - exact[i]| for the result y of any sound float32 implementation of the op on these operands, stored
// in `stored`: sums in any order, with or without fused multiply-add, exp to 4 ulp, subnormals kept or flushed, a
// softmax in one pass or with a running maximum. It is 0 where values only move and the format holds them.
//   in     host views, row-major; a placed weight as the values it stands for, f32 in its logical shape
//   exact  the reference's result stored in f32, contiguous; for cache_append the whole cache after the call
//   bound  one number for each element of `exact`
void error_bound(op::Op op, const void* args, std::span<const View> in, const View& exact, Format stored,
                 std::span<double> bound);

}  // namespace firstlight::device::ref
