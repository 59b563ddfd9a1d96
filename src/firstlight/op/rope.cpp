// Shape and cost of the rotary embedding.
#include "firstlight/op/rope.h"

#include "firstlight/op/rules.h"

namespace firstlight::op {

std::vector<Shape> Rope::infer(std::span<const TensorSpec> in) const {
  require_arity<Rope>(in, "rope");
  require(in[0].shape.rank() == 3 && is_float(in[0]), "rope", "x [R, H, D]");
  require(rotary_dim >= 0 && rotary_dim % 2 == 0 && rotary_dim <= in[0].shape[2], "rope",
          "an even rotary_dim of at most D");
  for (const TensorSpec& table : in.subspan(1, 2))
    require(table.format == Format::f32 && table.shape.rank() == 2 && table.shape[1] == rotary_dim / 2 &&
                table.shape == in[1].shape,
            "rope", "tables cos and sin, f32 [P, rotary_dim / 2]");
  require(is_index(in[3], Shape{in[0].shape[0]}), "rope", "positions i32 [R] with the R of x");
  return {in[0].shape};
}

// Four products and two sums a pair; a row reads one row of each table.
Cost Rope::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  const auto rows = static_cast<double>(in[0].shape[0]);
  const double table_bytes = 2 * rows * static_cast<double>(row_bytes(Format::f32, rotary_dim / 2));
  return {.flops = rows * static_cast<double>(in[0].shape[1]) * rotary_dim / 2 * 6,
          .activation_bytes = spec_bytes(in[0]) + table_bytes + spec_bytes(in[3]) + spec_bytes(out[0])};
}

}  // namespace firstlight::op
