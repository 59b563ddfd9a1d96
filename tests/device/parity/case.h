// A parity case: an op, its arguments, and operands described by shape, format, strides and distribution.
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "firstlight/device/contract.h"

namespace firstlight::parity {

enum class Role { kActivation, kWeight, kIndices };

// Distributions of generated values.
enum class Fill {
  kNormal,    // standard normal
  kPositive,  // uniform in [0.25, 4)
  kWide,      // normal times a power of two in [2^-12, 2^12): block formats see blocks of mixed size
};

struct Operand {
  Role role = Role::kActivation;
  Shape shape;
  Format format = Format::f32;
  device::WeightRole weight_role = device::WeightRole::kLinear;
  Fill fill = Fill::kNormal;
  // The operand is a slice of a wider tensor [first axis, before + product of the other axes + after].
  std::int64_t before = 0;
  std::int64_t after = 0;
  bool batched = false;       // its first axis counts the rows of the call
  std::vector<float> values;  // given rather than generated
  std::vector<std::int32_t> indices;

  Operand wide(std::int64_t columns_before, std::int64_t columns_after) const;
  Operand filled(Fill distribution) const;
  Operand per_row() const;  // batched
};

Operand activation(const Shape& shape, Format format = Format::f32);
Operand linear_weight(std::int64_t depth, std::int64_t outputs, Format format);  // [K, N]
Operand table_weight(std::int64_t rows, std::int64_t width, Format format);      // [V, H]
Operand vector_weight(std::int64_t n);
Operand index(const Shape& shape, std::vector<std::int32_t> indices);

struct Case {
  std::string name;
  op::Op op = op::Op::copy;
  std::vector<std::byte> args;
  std::vector<Operand> in;
  Format out = Format::f32;
  std::optional<Operand> state;  // of an in-place op: the tensor that is updated
};

template <typename Args>
Case make_case(std::string name, op::Op op, const Args& args, std::vector<Operand> in, Format out = Format::f32) {
  static_assert(std::is_trivially_copyable_v<Args>);
  std::vector<std::byte> bytes(sizeof(Args));
  std::memcpy(bytes.data(), &args, sizeof(Args));
  return {std::move(name), op, std::move(bytes), std::move(in), out, std::nullopt};
}

// "2x3x5"
std::string dims(const Shape& shape);

// The seed of all values: $FIRSTLIGHT_PARITY_SEED, or a fixed number. Printed by every failure.
std::uint64_t seed();

}  // namespace firstlight::parity
