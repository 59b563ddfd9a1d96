// Shapes and costs of element-wise ops and reductions; the formulas of the unary kinds.
#include "firstlight/op/elementwise.h"

#include <cmath>
#include <numbers>

#include "firstlight/op/rules.h"

namespace firstlight::op {
namespace {

// Flops per element by the convention of all costs: one for each add, multiply, divide, comparison and function value.
double unary_flops(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::kSilu:
      return 4;  // negate, exp, add, divide
    case UnaryKind::kGelu:
      return 5;  // scale, erf, add, two multiplies
    case UnaryKind::kGeluTanh:
      return 9;  // cube 2, scale, add, scale, tanh, add, two multiplies
    case UnaryKind::kQuickGelu:
      return 4;  // scale, exp, add, divide
    case UnaryKind::kSigmoid:
      return 4;  // negate, exp, add, divide
    case UnaryKind::kRsqrt:
      return 2;  // root, divide
    case UnaryKind::kRelu:
    case UnaryKind::kTanh:
    case UnaryKind::kExp:
    case UnaryKind::kSquare:
      return 1;
  }
  return 0;
}

}  // namespace

double evaluate(UnaryKind kind, double x) {
  switch (kind) {
    case UnaryKind::kSilu:
      return x / (1 + std::exp(-x));
    case UnaryKind::kGelu:
      return 0.5 * x * std::erfc(-x / std::numbers::sqrt2);
    case UnaryKind::kGeluTanh: {
      const double inner = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
      return 0.5 * x * (1 + std::tanh(inner));
    }
    case UnaryKind::kQuickGelu:
      return x / (1 + std::exp(-1.702 * x));
    case UnaryKind::kRelu:
      return x < 0 ? 0 : x;  // keeps NaN
    case UnaryKind::kTanh:
      return std::tanh(x);
    case UnaryKind::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case UnaryKind::kExp:
      return std::exp(x);
    case UnaryKind::kSquare:
      return x * x;
    case UnaryKind::kRsqrt:
      return 1 / std::sqrt(x);
  }
  return 0;
}

std::string_view unary_name(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::kSilu:
      return "silu";
    case UnaryKind::kGelu:
      return "gelu";
    case UnaryKind::kGeluTanh:
      return "gelu_tanh";
    case UnaryKind::kQuickGelu:
      return "quick_gelu";
    case UnaryKind::kRelu:
      return "relu";
    case UnaryKind::kTanh:
      return "tanh";
    case UnaryKind::kSigmoid:
      return "sigmoid";
    case UnaryKind::kExp:
      return "exp";
    case UnaryKind::kSquare:
      return "square";
    case UnaryKind::kRsqrt:
      return "rsqrt";
  }
  return "";
}

std::vector<Shape> Binary::infer(std::span<const TensorSpec> in) const {
  require_arity<Binary>(in, "binary");
  require(is_float(in[0]) && is_float(in[1]), "binary", "two float operands");
  const Shape& a = in[0].shape;
  const Shape& b = in[1].shape;
  bool fits = b.rank() <= a.rank();
  for (int axis = 1; fits && axis <= b.rank(); ++axis) fits = b[-axis] == a[-axis] || b[-axis] == 1;
  require(fits, "binary", "a second operand of the first's shape, or with axes of 1 that broadcast to it");
  return {a};
}

Cost Binary::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  return streaming_cost(in, out, 1);
}

std::vector<Shape> Unary::infer(std::span<const TensorSpec> in) const {
  require_arity<Unary>(in, "unary");
  require(is_float(in[0]), "unary", "a float operand");
  return {in[0].shape};
}

Cost Unary::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  return streaming_cost(in, out, unary_flops(kind));
}

std::vector<Shape> Affine::infer(std::span<const TensorSpec> in) const {
  require_arity<Affine>(in, "affine");
  require(is_float(in[0]), "affine", "a float operand");
  return {in[0].shape};
}

Cost Affine::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  return streaming_cost(in, out, 2);
}

std::vector<Shape> Reduce::infer(std::span<const TensorSpec> in) const {
  require_arity<Reduce>(in, "reduce");
  require(in[0].shape.rank() >= 1 && is_float(in[0]), "reduce", "a float operand [..., N]");
  require(in[0].shape[-1] > 0 || kind == ReduceKind::kSum, "reduce", "at least one element per row, but for sums");
  Shape out = in[0].shape;
  out[-1] = 1;
  return {out};
}

Cost Reduce::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  return {.flops = elements(in[0]), .activation_bytes = bytes(in) + bytes(out)};
}

std::vector<Shape> Softmax::infer(std::span<const TensorSpec> in) const {
  require_arity<Softmax>(in, "softmax");
  require(in[0].shape.rank() >= 1 && is_float(in[0]), "softmax", "a float operand [..., N]");
  require(in.size() < 2 || is_index(in[1], Shape{in[0].shape.rows(), 2}), "softmax",
          "valid i32 [R, 2], R the product of the outer axes of x");
  return {in[0].shape};
}

// Scale, subtract the maximum, exp, sum, divide.
Cost Softmax::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  return streaming_cost(in, out, 5);
}

std::vector<Shape> Copy::infer(std::span<const TensorSpec> in) const {
  require_arity<Copy>(in, "copy");
  require(is_float(in[0]), "copy", "a float operand");
  return {in[0].shape};
}

Cost Copy::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  return streaming_cost(in, out, 0);
}

std::vector<Shape> Gated::infer(std::span<const TensorSpec> in) const {
  require_arity<Gated>(in, "gated");
  require(is_float(in[0]) && is_float(in[1]) && in[0].shape == in[1].shape, "gated",
          "a gate and an up operand of one shape");
  return {in[0].shape};
}

Cost Gated::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  return streaming_cost(in, out, unary_flops(activation) + 1);
}

}  // namespace firstlight::op
