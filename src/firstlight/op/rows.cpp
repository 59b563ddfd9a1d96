// Shapes and costs of moves.
#include "firstlight/op/rows.h"

#include "firstlight/op/rules.h"

namespace firstlight::op {

std::vector<Shape> Concat::infer(std::span<const TensorSpec> in) const {
  require_arity<Concat>(in, "concat");
  const Shape& a = in[0].shape;
  const Shape& b = in[1].shape;
  bool fits = a.rank() >= 1 && a.rank() == b.rank() && is_float(in[0]) && is_float(in[1]);
  for (int axis = 0; fits && axis + 1 < a.rank(); ++axis) fits = a[axis] == b[axis];
  require(fits, "concat", "float operands [..., M] and [..., N] with equal outer axes");
  Shape out = a;
  out[-1] = a[-1] + b[-1];
  return {out};
}

Cost Concat::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  return streaming_cost(in, out, 0);
}

std::vector<Shape> GatherRows::infer(std::span<const TensorSpec> in) const {
  require_arity<GatherRows>(in, "gather_rows");
  require(in[0].shape.rank() >= 2 && is_float(in[0]), "gather_rows", "x [R, ..., N]");
  require(is_index(in[1], 1), "gather_rows", "an index i32 [M]");
  Shape out = in[0].shape;
  out[0] = in[1].shape[0];
  return {out};
}

// Only the rows that are gathered are read.
Cost GatherRows::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  const TensorSpec read{out[0].shape, in[0].format};
  return {.activation_bytes = spec_bytes(read) + spec_bytes(in[1]) + spec_bytes(out[0])};
}

}  // namespace firstlight::op
