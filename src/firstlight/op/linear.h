// Products: embedding look-up, linear with a placed weight, matmul of two activations.
#pragma once

#include "firstlight/op/op.h"

namespace firstlight::op {

// out[r, :] = table[ids[r], :].
// in: table (placed; [V, H], or a linear weight [H, V] when `tied`), ids i32 [R]. out: [R, H].
// An id outside [0, V) is a caller's error: the pipeline checks ids before they get here.
struct Embedding {
  bool tied = false;  // the table is the placed weight of a linear op: column ids[r] is looked up
  static constexpr OpTraits kTraits{.min_inputs = 2, .max_inputs = 2, .weight_input = 0};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

// out[r, n] = sum_k x[r, k] W[k, n] (+ bias[n]).
// in: x [..., K] (rows may be strided), W placed [K, N] (Layout::kPacked), bias f32 [N] (optional). out: [..., N].
struct Linear {
  static constexpr OpTraits kTraits{.min_inputs = 2, .max_inputs = 3, .weight_input = 1};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

// out[b] = a[b] b[b], or a[b] b[b]^T when `transpose_b`.
// in: a [B, M, K], b [B, K, N] (or [B, N, K]); B of b may be a divisor of a's: batch i of a meets batch i / (Ba / Bb).
struct Matmul {
  bool transpose_b = false;
  static constexpr OpTraits kTraits{.min_inputs = 2, .max_inputs = 2};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

}  // namespace firstlight::op
