// Mixtures of experts: who works on a row, and how what they gave is put together.
#pragma once

#include "firstlight/op/op.h"

namespace firstlight::op {

// The weight of every expert for every row: softmax over all experts, kept for the `top` experts with the largest
// logits (of equal ones the lower index comes first), 0 for the others; `normalise`: the kept ones add up to 1.
// in: logits [R, E]. out: [R, E].
struct Route {
  std::int32_t top = 1;  // 1 ... E
  bool normalise = true;
  static constexpr OpTraits kTraits{};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

// out[r, :] = x[r, :] + weight[r] * y[index[r], :], or x[r, :] where index[r] is -1.
// in: x [R, N], y [M, N], weight [R, 1] (may be strided), index i32 [R], each in [-1, M). out: [R, N].
struct AddGathered {
  static constexpr OpTraits kTraits{.min_inputs = 4, .max_inputs = 4};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

}  // namespace firstlight::op
