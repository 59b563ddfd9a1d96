// Shapes and costs of norms.
#include "firstlight/op/norm.h"

#include "firstlight/op/rules.h"

namespace firstlight::op {

std::vector<Shape> RmsNorm::infer(std::span<const TensorSpec> in) const {
  require_arity<RmsNorm>(in, "rms_norm");
  require(in[0].shape.rank() >= 1 && is_float(in[0]) && in[0].shape[-1] > 0, "rms_norm", "x [..., H], H > 0");
  require(is_vector(in[1], in[0].shape[-1]), "rms_norm", "a weight f32 [H] with the H of x");
  return {in[0].shape};
}

// Square, sum, scale, weight.
Cost RmsNorm::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  return {.flops = 4 * elements(out[0]),
          .weight_bytes = spec_bytes(in[1]),
          .activation_bytes = spec_bytes(in[0]) + spec_bytes(out[0])};
}

std::vector<Shape> LayerNorm::infer(std::span<const TensorSpec> in) const {
  require_arity<LayerNorm>(in, "layer_norm");
  require(in[0].shape.rank() >= 1 && is_float(in[0]) && in[0].shape[-1] > 0, "layer_norm", "x [..., H], H > 0");
  require(is_vector(in[1], in[0].shape[-1]), "layer_norm", "a weight f32 [H] with the H of x");
  require(in.size() < 3 || is_vector(in[2], in[0].shape[-1]), "layer_norm", "a bias f32 [H] with the H of x");
  return {in[0].shape};
}

// Sum; subtract, square, sum; scale, weight, and the bias where there is one.
Cost LayerNorm::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  return {.flops = (in.size() == 3 ? 7 : 6) * elements(out[0]),
          .weight_bytes = bytes(in.subspan(1)),
          .activation_bytes = spec_bytes(in[0]) + spec_bytes(out[0])};
}

}  // namespace firstlight::op
