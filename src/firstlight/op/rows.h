// Moving rows and columns.
#pragma once

#include "firstlight/op/op.h"

namespace firstlight::op {

// in: a [..., M], b [..., N] with equal outer axes. out: [..., M + N].
struct Concat {
  static constexpr OpTraits kTraits{.min_inputs = 2, .max_inputs = 2};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

// out[i] = x[index[i]]. in: x [R, ...], index i32 [M], each in [0, R). out: [M, ...].
struct GatherRows {
  static constexpr OpTraits kTraits{.min_inputs = 2, .max_inputs = 2};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

}  // namespace firstlight::op
