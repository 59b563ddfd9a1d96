// Element-wise ops and reductions over the last axis.
#pragma once

#include "firstlight/op/op.h"

namespace firstlight::op {

enum class BinaryKind : std::uint8_t { kAdd, kSubtract, kMultiply };

// out = a (op) b. b has a's shape, or is broadcast: each of its axes, aligned at the last, is a's or 1.
struct Binary {
  BinaryKind kind = BinaryKind::kAdd;
  static constexpr OpTraits kTraits{.min_inputs = 2, .max_inputs = 2};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

enum class UnaryKind : std::uint8_t {
  kSilu,       // x / (1 + exp(-x))
  kGelu,       // x * Phi(x), by erf
  kGeluTanh,   // 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
  kQuickGelu,  // x / (1 + exp(-1.702 x))
  kRelu,
  kTanh,
  kSigmoid,
  kExp,
  kSquare,
  kRsqrt,
};
// The formula in double: the meaning of the kind.
double evaluate(UnaryKind kind, double x);
std::string_view unary_name(UnaryKind kind);

struct Unary {
  UnaryKind kind = UnaryKind::kSilu;
  static constexpr OpTraits kTraits{};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

// out = x * scale + offset.
struct Affine {
  float scale = 1;
  float offset = 0;
  static constexpr OpTraits kTraits{};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

enum class ReduceKind : std::uint8_t { kSum, kMean, kMax };

// [..., N] -> [..., 1]. N may be 0 only for kSum (gives 0).
struct Reduce {
  ReduceKind kind = ReduceKind::kSum;
  static constexpr OpTraits kTraits{};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

// Softmax over the last axis of x * scale. in: x [..., N], valid i32 [R, 2] (optional; R = product of the outer axes):
// only columns [valid[r, 0], valid[r, 1]) of row r take part, the others give 0. A row with no valid column gives 0.
struct Softmax {
  float scale = 1;
  static constexpr OpTraits kTraits{.min_inputs = 1, .max_inputs = 2};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

// The same values, contiguous, stored in the output's format (which the caller of run chooses).
struct Copy {
  static constexpr OpTraits kTraits{};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

// out = activation(gate) * up. in: gate [..., N], up [..., N] (either may be a strided part of one tensor). out [...,
// N].
struct Gated {
  UnaryKind activation = UnaryKind::kSilu;
  static constexpr OpTraits kTraits{.min_inputs = 2, .max_inputs = 2, .kind = Kind::kComposite};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

}  // namespace firstlight::op
