// Norms over the last axis.
#pragma once

#include "firstlight/op/op.h"

namespace firstlight::op {

// out = x / sqrt(mean(x^2) + eps) * (weight + weight_offset). in: x [..., H], weight f32 [H]. out [..., H].
struct RmsNorm {
  float eps = 1e-6F;
  float weight_offset = 0;  // 1 where the checkpoint stores weight - 1
  static constexpr OpTraits kTraits{.min_inputs = 2, .max_inputs = 2, .kind = Kind::kComposite};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

// out = (x - mean) / sqrt(var + eps) * weight + bias. in: x [..., H], weight f32 [H], bias f32 [H] (optional).
struct LayerNorm {
  float eps = 1e-5F;
  static constexpr OpTraits kTraits{.min_inputs = 2, .max_inputs = 3, .kind = Kind::kComposite};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

}  // namespace firstlight::op
