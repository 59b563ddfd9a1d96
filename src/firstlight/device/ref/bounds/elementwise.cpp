// Bounds of element-wise ops: the formula in running error analysis.
#include "firstlight/device/ref/bounds/parts.h"
#include "firstlight/device/ref/rows.h"
#include "firstlight/op/rope.h"

namespace firstlight::device::ref {
Bounded unary(op::UnaryKind kind, Bounded x) {
  const Bounded half{0.5, 0};
  const Bounded one{1, 0};
  switch (kind) {
    case op::UnaryKind::kSilu:
      return x * sigmoid(x);
    case op::UnaryKind::kGelu:
      return half * x * (one + erf(x * constant(std::numbers::sqrt2 / 2)));
    case op::UnaryKind::kGeluTanh: {
      const Bounded inner = constant(std::sqrt(2 / std::numbers::pi)) * (x + constant(0.044715) * x * x * x);
      return half * x * (one + tanh(inner));
    }
    case op::UnaryKind::kQuickGelu:
      return x * sigmoid(constant(1.702) * x);
    case op::UnaryKind::kRelu:
      return {op::evaluate(kind, x.value), x.error};
    case op::UnaryKind::kTanh:
      return tanh(x);
    case op::UnaryKind::kSigmoid:
      return sigmoid(x);
    case op::UnaryKind::kExp:
      return exp(x);
    case op::UnaryKind::kSquare:
      return x * x;
    case op::UnaryKind::kRsqrt:
      return {1 / std::sqrt(x.value), kExpError / std::sqrt(x.value)};
  }
  return x;
}

void bound_unary(const BoundCall& call) {
  const op::UnaryKind kind = call.as<op::Unary>().kind;
  const std::vector<float> x = call.values(0);
  for (std::size_t i = 0; i < x.size(); ++i) call.bound[i] = unary(kind, {x[i], 0}).error;
}

void bound_binary(const BoundCall& call) {
  const op::BinaryKind kind = call.as<op::Binary>().kind;
  const std::vector<float> a = call.values(0);
  const std::vector<float> b = call.values(1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto j = call.second_index(i);
    const Bounded x{a[i], 0};
    const Bounded y{b[j], 0};
    call.bound[i] = (kind == op::BinaryKind::kMultiply ? x * y : kind == op::BinaryKind::kAdd ? x + y : x - y).error;
  }
}

void bound_affine(const BoundCall& call) {
  const auto& args = call.as<op::Affine>();
  const std::vector<float> x = call.values(0);
  for (std::size_t i = 0; i < x.size(); ++i)
    call.bound[i] = (Bounded{x[i], 0} * Bounded{args.scale, 0} + Bounded{args.offset, 0}).error;
}

void bound_gated(const BoundCall& call) {
  const op::UnaryKind activation = call.as<op::Gated>().activation;
  const std::vector<float> gate = call.values(0);
  const std::vector<float> up = call.values(1);
  for (std::size_t i = 0; i < gate.size(); ++i)
    call.bound[i] = (unary(activation, {gate[i], 0}) * Bounded{up[i], 0}).error;
}

void bound_rope(const BoundCall& call) {
  const auto& args = call.as<op::Rope>();
  const std::vector<float> x = call.values(0);
  const std::vector<float> cosines = call.values(1);
  const std::vector<float> sines = call.values(2);
  const std::vector<std::int32_t> positions = call.indices(3);
  const Shape& shape = call.exact.shape;  // [R, H, D]
  const std::int64_t pairs = args.rotary_dim / 2;
  const bool interleaved = args.pairing == op::RopePairing::kInterleaved;
  for (std::int64_t row = 0; row < row_count(call.exact); ++row) {
    const std::int64_t table_row = positions[static_cast<std::size_t>(row / shape[1])] * pairs;
    for (std::int64_t p = 0; p < pairs; ++p) {
      const auto i = static_cast<std::size_t>(row * shape[2] + (interleaved ? 2 * p : p));
      const std::size_t j = i + static_cast<std::size_t>(interleaved ? 1 : pairs);
      const Bounded a{x[i], 0};
      const Bounded b{x[j], 0};
      const Bounded cosine{cosines[static_cast<std::size_t>(table_row + p)], 0};
      const Bounded sine{sines[static_cast<std::size_t>(table_row + p)], 0};
      call.bound[i] = (a * cosine - b * sine).error;
      call.bound[j] = (b * cosine + a * sine).error;
    }
  }
}

}  // namespace firstlight::device::ref
