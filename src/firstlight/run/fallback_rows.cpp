// rms_norm, layer_norm and gated as primitives.
#include "firstlight/run/fallback.h"

namespace firstlight::run {
namespace {

using op::BinaryKind;
using op::UnaryKind;

// 1 / sqrt(mean(x^2) + eps), one for each row.
Tensor inverse_rms(const Primitives& p, const Tensor& x, float eps) {
  const Tensor mean_square = p.mean(p.unary(UnaryKind::kSquare, x));
  return p.unary(UnaryKind::kRsqrt, p.affine(mean_square, 1, eps));
}

}  // namespace

// out = x / sqrt(mean(x^2) + eps) * (weight + weight_offset)
Tensor fallback_rms_norm(Session& session, const void* args, std::span<const Tensor> in, std::string_view key,
                         Format format) {
  const auto& norm = *static_cast<const op::RmsNorm*>(args);
  const Primitives p(session, key);
  const Tensor scaled = p.binary(BinaryKind::kMultiply, in[0], inverse_rms(p, in[0], norm.eps));
  const Tensor weight = norm.weight_offset == 0 ? in[1] : p.affine(in[1], 1, norm.weight_offset);
  return p.binary(BinaryKind::kMultiply, scaled, weight, format);
}

// out = (x - mean) / sqrt(var + eps) * weight + bias
Tensor fallback_layer_norm(Session& session, const void* args, std::span<const Tensor> in, std::string_view key,
                           Format format) {
  const auto& norm = *static_cast<const op::LayerNorm*>(args);
  const Primitives p(session, key);
  const Tensor centred = p.binary(BinaryKind::kSubtract, in[0], p.mean(in[0]));
  const Tensor scaled = p.binary(BinaryKind::kMultiply, centred, inverse_rms(p, centred, norm.eps));
  const bool biased = in.size() == 3;
  const Tensor weighted = p.binary(BinaryKind::kMultiply, scaled, in[1], biased ? Format::f32 : format);
  return biased ? p.binary(BinaryKind::kAdd, weighted, in[2], format) : weighted;
}

// out = activation(gate) * up
Tensor fallback_gated(Session& session, const void* args, std::span<const Tensor> in, std::string_view key,
                      Format format) {
  const Primitives p(session, key);
  const Tensor activated = p.unary(static_cast<const op::Gated*>(args)->activation, in[0]);
  return p.binary(BinaryKind::kMultiply, activated, in[1], format);
}

}  // namespace firstlight::run
