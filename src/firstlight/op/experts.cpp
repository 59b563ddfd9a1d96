// Shapes and costs of mixtures of experts.
#include "firstlight/op/experts.h"

#include "firstlight/op/rules.h"

namespace firstlight::op {

std::vector<Shape> Route::infer(std::span<const TensorSpec> in) const {
  require_arity<Route>(in, "route");
  require(in[0].shape.rank() == 2 && is_float(in[0]), "route", "logits [R, E]");
  require(top >= 1 && top <= in[0].shape[1], "route", "from 1 to E experts a row");
  return {in[0].shape};
}

// A softmax, and a look at every logit for each expert kept.
Cost Route::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  return streaming_cost(in, out, 4.0 + top);
}

std::vector<Shape> AddGathered::infer(std::span<const TensorSpec> in) const {
  require_arity<AddGathered>(in, "add_gathered");
  const Shape& x = in[0].shape;
  const Shape& y = in[1].shape;
  require(x.rank() == 2 && is_float(in[0]), "add_gathered", "x [R, N]");
  require(y.rank() == 2 && is_float(in[1]) && y[1] == x[1], "add_gathered", "y [M, N] with the N of x");
  require(in[2].shape == Shape{x[0], 1} && is_float(in[2]), "add_gathered", "weights [R, 1]");
  require(is_index(in[3], Shape{x[0]}), "add_gathered", "an index i32 [R]");
  return {x};
}

// As if every row of y were added once.
Cost AddGathered::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  return {.flops = 2 * elements(in[1]), .activation_bytes = bytes(in) + bytes(out)};
}

}  // namespace firstlight::op
