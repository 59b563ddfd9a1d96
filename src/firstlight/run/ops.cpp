// Each function packs its arguments into one op call.
#include "firstlight/run/ops.h"

namespace firstlight::run {
namespace {

using op::Op;

// Operands, the last of them absent when it was not declared.
Tensor linear_as(Session& s, std::string_view key, const Tensor& x, const Weight& weight, const Weight& bias,
                 std::optional<Format> format) {
  if (!bias.declared()) return s.call(Op::linear, op::Linear{}, {{x, weight.tensor()}}, key, format);
  return s.call(Op::linear, op::Linear{}, {{x, weight.tensor(), bias.tensor()}}, key, format);
}

Tensor binary(Session& s, std::string_view key, op::BinaryKind kind, const Tensor& a, const Tensor& b) {
  return s.call(Op::binary, op::Binary{kind}, {{a, b}}, key);
}

}  // namespace

Tensor embedding(Session& s, std::string_view key, const Weight& table, const Tensor& ids, bool tied) {
  return s.call(Op::embedding, op::Embedding{tied}, {{table.tensor(), ids}}, key);
}

Tensor linear(Session& s, std::string_view key, const Tensor& x, const Weight& weight, const Weight& bias) {
  return linear_as(s, key, x, weight, bias, std::nullopt);
}

Tensor linear_f32(Session& s, std::string_view key, const Tensor& x, const Weight& weight, const Weight& bias) {
  return linear_as(s, key, x, weight, bias, Format::f32);
}

Tensor rms_norm(Session& s, std::string_view key, const Tensor& x, const Weight& weight, float eps,
                float weight_offset) {
  return s.call(Op::rms_norm, op::RmsNorm{eps, weight_offset}, {{x, weight.tensor()}}, key);
}

Tensor layer_norm(Session& s, std::string_view key, const Tensor& x, const Weight& weight, const Weight& bias,
                  float eps) {
  if (!bias.declared()) return s.call(Op::layer_norm, op::LayerNorm{eps}, {{x, weight.tensor()}}, key);
  return s.call(Op::layer_norm, op::LayerNorm{eps}, {{x, weight.tensor(), bias.tensor()}}, key);
}

Tensor rope(Session& s, std::string_view key, const Tensor& x, const Tensor& cos, const Tensor& sin,
            const Tensor& positions, int rotary_dim, RopePairing pairing) {
  return s.call(Op::rope, op::Rope{rotary_dim, pairing}, {{x, cos, sin, positions}}, key);
}

void cache_append(Session& s, std::string_view key, const Tensor& x, const Tensor& cache, const Tensor& sequences,
                  const Tensor& positions, const Tensor& table) {
  s.call_in_place(Op::cache_append, op::CacheAppend{}, {{x, sequences, positions, table}}, cache, key);
}

Tensor attention(Session& s, std::string_view key, const op::Attention& args, const Tensor& q, const Tensor& keys,
                 const Tensor& values, const Tensor& sequences, const Tensor& positions, const Tensor& table) {
  return s.call(Op::attention, args, {{q, keys, values, sequences, positions, table}}, key);
}

Tensor gated(Session& s, std::string_view key, UnaryKind activation, const Tensor& gate, const Tensor& up) {
  return s.call(Op::gated, op::Gated{activation}, {{gate, up}}, key);
}

Tensor unary(Session& s, std::string_view key, UnaryKind kind, const Tensor& x) {
  return s.call(Op::unary, op::Unary{kind}, {{x}}, key);
}

Tensor add(Session& s, std::string_view key, const Tensor& a, const Tensor& b) {
  return binary(s, key, op::BinaryKind::kAdd, a, b);
}

Tensor multiply(Session& s, std::string_view key, const Tensor& a, const Tensor& b) {
  return binary(s, key, op::BinaryKind::kMultiply, a, b);
}

Tensor affine(Session& s, std::string_view key, const Tensor& x, float scale, float offset) {
  return s.call(Op::affine, op::Affine{scale, offset}, {{x}}, key);
}

Tensor matmul(Session& s, std::string_view key, const Tensor& a, const Tensor& b, bool transpose_b) {
  return s.call(Op::matmul, op::Matmul{transpose_b}, {{a, b}}, key);
}

Tensor softmax(Session& s, std::string_view key, const Tensor& x, float scale) {
  return s.call(Op::softmax, op::Softmax{scale}, {{x}}, key);
}

Tensor concat(Session& s, std::string_view key, const Tensor& a, const Tensor& b) {
  return s.call(Op::concat, op::Concat{}, {{a, b}}, key);
}

Tensor gather_rows(Session& s, std::string_view key, const Tensor& x, const Tensor& index) {
  return s.call(Op::gather_rows, op::GatherRows{}, {{x, index}}, key);
}

Tensor route(Session& s, std::string_view key, const Tensor& logits, const op::Route& args) {
  return s.call(Op::route, args, {{logits}}, key, Format::f32);
}

Tensor add_gathered(Session& s, std::string_view key, const Tensor& x, const Tensor& y, const Tensor& weight,
                    const Tensor& index, std::optional<Format> format) {
  return s.call(Op::add_gathered, op::AddGathered{}, {{x, y, weight, index}}, key, format);
}

Tensor copy(Session& s, std::string_view key, const Tensor& x, Format format) {
  return s.call(Op::copy, op::Copy{}, {{x}}, key, format);
}

}  // namespace firstlight::run
