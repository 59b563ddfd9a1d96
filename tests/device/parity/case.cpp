// Builders of operands.
#include "device/parity/case.h"

#include <fmt/format.h>

#include <cstdlib>

namespace firstlight::parity {

Operand Operand::wide(std::int64_t columns_before, std::int64_t columns_after) const {
  Operand result = *this;
  result.before = columns_before;
  result.after = columns_after;
  return result;
}

Operand Operand::filled(Fill distribution) const {
  Operand result = *this;
  result.fill = distribution;
  return result;
}

Operand Operand::per_row() const {
  Operand result = *this;
  result.batched = true;
  return result;
}

Operand activation(const Shape& shape, Format format) {
  Operand result;
  result.shape = shape;
  result.format = format;
  return result;
}

Operand linear_weight(std::int64_t depth, std::int64_t outputs, Format format) {
  Operand result = activation({depth, outputs}, format);
  result.role = Role::kWeight;
  return result;
}

Operand table_weight(std::int64_t rows, std::int64_t width, Format format) {
  Operand result = linear_weight(rows, width, format);
  result.weight_role = device::WeightRole::kTable;
  return result;
}

Operand vector_weight(std::int64_t n) {
  Operand result = activation({n}, Format::f32);
  result.role = Role::kWeight;
  result.weight_role = device::WeightRole::kVector;
  return result;
}

Operand index(const Shape& shape, std::vector<std::int32_t> indices) {
  Operand result = activation(shape, Format::i32);
  result.role = Role::kIndices;
  result.indices = std::move(indices);
  return result;
}

std::string dims(const Shape& shape) {
  std::string result;
  for (const std::int64_t dim : shape.dims()) result += fmt::format("{}{}", result.empty() ? "" : "x", dim);
  return result;
}

std::uint64_t seed() {
  const char* given = std::getenv("FIRSTLIGHT_PARITY_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20260101;
}

}  // namespace firstlight::parity
