// Shared by the ops' shape rules and costs.
#pragma once

#include "firstlight/op/op.h"

namespace firstlight::op {

inline bool is_float(const TensorSpec& spec) { return firstlight::row(spec.format).is_float; }
inline bool is_vector(const TensorSpec& spec, std::int64_t n) {
  return spec.format == Format::f32 && spec.shape == Shape{n};
}
inline bool is_index(const TensorSpec& spec, int rank) {
  return spec.format == Format::i32 && spec.shape.rank() == rank;
}
inline bool is_index(const TensorSpec& spec, const Shape& shape) {
  return spec.format == Format::i32 && spec.shape == shape;
}

template <typename Args>
void require_arity(std::span<const TensorSpec> in, std::string_view op_name) {
  const auto count = static_cast<int>(in.size());
  require(count >= Args::kTraits.min_inputs && count <= Args::kTraits.max_inputs, op_name,
          "as many operands as the op's row says");
}

inline double elements(const TensorSpec& spec) { return static_cast<double>(spec.shape.elements()); }

inline double bytes(std::span<const TensorSpec> specs) {
  double sum = 0;
  for (const TensorSpec& spec : specs) sum += spec_bytes(spec);
  return sum;
}

// The cost of an op that only streams activations: `flops_per_element` for every element of the output.
inline Cost streaming_cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out, double flops_per_element) {
  return {.flops = flops_per_element * elements(out[0]), .activation_bytes = bytes(in) + bytes(out)};
}

}  // namespace firstlight::op
