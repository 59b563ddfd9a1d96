// Shapes and costs of products.
#include "firstlight/op/linear.h"

#include "firstlight/op/rules.h"

namespace firstlight::op {

std::vector<Shape> Embedding::infer(std::span<const TensorSpec> in) const {
  require_arity<Embedding>(in, "embedding");
  require(in[0].shape.rank() == 2 && is_float(in[0]), "embedding", "a table [V, H], or [H, V] when tied");
  require(is_index(in[1], 1), "embedding", "ids i32 [R]");
  return {Shape{in[1].shape[0], tied ? in[0].shape[0] : in[0].shape[1]}};
}

// Each looked-up row is read once; a tied table's column counts as the same share of its bytes.
Cost Embedding::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  const std::int64_t vocabulary = tied ? in[0].shape[1] : in[0].shape[0];
  const double row_share = vocabulary == 0 ? 0 : spec_bytes(in[0]) / static_cast<double>(vocabulary);
  return {.weight_bytes = row_share * elements(in[1]), .activation_bytes = spec_bytes(in[1]) + spec_bytes(out[0])};
}

std::vector<Shape> Linear::infer(std::span<const TensorSpec> in) const {
  require_arity<Linear>(in, "linear");
  require(in[0].shape.rank() >= 1 && is_float(in[0]), "linear", "x [..., K]");
  require(in[1].shape.rank() == 2 && is_float(in[1]) && in[1].shape[0] == in[0].shape[-1], "linear",
          "a weight [K, N] with the K of x");
  require(in.size() < 3 || is_vector(in[2], in[1].shape[1]), "linear", "a bias f32 [N] with the N of the weight");
  Shape out = in[0].shape;
  out[-1] = in[1].shape[1];
  return {out};
}

// 2 K flops an output, one more with a bias; the weight is read once however many rows there are.
Cost Linear::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  const double outputs = elements(out[0]);
  const double per_output = 2.0 * static_cast<double>(in[1].shape[0]) + (in.size() == 3 ? 1 : 0);
  return {.flops = outputs * per_output,
          .weight_bytes = bytes(in.subspan(1)),
          .activation_bytes = spec_bytes(in[0]) + spec_bytes(out[0])};
}

std::vector<Shape> Matmul::infer(std::span<const TensorSpec> in) const {
  require_arity<Matmul>(in, "matmul");
  require(in[0].shape.rank() == 3 && is_float(in[0]), "matmul", "a [B, M, K]");
  require(in[1].shape.rank() == 3 && is_float(in[1]), "matmul", "b [B, K, N], or [B, N, K] when transposed");
  const Shape& a = in[0].shape;
  const Shape& b = in[1].shape;
  require(a[2] == (transpose_b ? b[2] : b[1]), "matmul", "the same K in a and b");
  require(a[0] == b[0] || (b[0] > 0 && a[0] % b[0] == 0), "matmul", "a batch of b that divides the batch of a");
  return {Shape{a[0], a[1], transpose_b ? b[1] : b[2]}};
}

Cost Matmul::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  return streaming_cost(in, out, 2.0 * static_cast<double>(in[0].shape[2]));
}

}  // namespace firstlight::op
