// Which fallback stands for which op, and the primitives they are made of.
#include "firstlight/run/fallback.h"

#include "firstlight/base/error.h"
#include "firstlight/device/contract.h"

namespace firstlight::run {

FallbackFunction find_fallback(op::Op op) {
  switch (op) {
    case op::Op::rms_norm:
      return fallback_rms_norm;
    case op::Op::layer_norm:
      return fallback_layer_norm;
    case op::Op::rope:
      return fallback_rope;
    case op::Op::gated:
      return fallback_gated;
    case op::Op::attention:
      return fallback_attention;
    default:
      return nullptr;
  }
}

Tensor Primitives::unary(op::UnaryKind kind, const Tensor& x, Format format) const {
  return session_.call(op::Op::unary, op::Unary{kind}, {{x}}, key_, format);
}

Tensor Primitives::binary(op::BinaryKind kind, const Tensor& a, const Tensor& b, Format format) const {
  return session_.call(op::Op::binary, op::Binary{kind}, {{a, b}}, key_, format);
}

Tensor Primitives::affine(const Tensor& x, float scale, float offset) const {
  return session_.call(op::Op::affine, op::Affine{scale, offset}, {{x}}, key_, Format::f32);
}

Tensor Primitives::mean(const Tensor& x) const {
  return session_.call(op::Op::reduce, op::Reduce{op::ReduceKind::kMean}, {{x}}, key_, Format::f32);
}

Tensor Primitives::softmax(const Tensor& x, float scale, const Tensor& valid) const {
  return session_.call(op::Op::softmax, op::Softmax{scale}, {{x, valid}}, key_, Format::f32);
}

Tensor Primitives::matmul(const Tensor& a, const Tensor& b, bool transpose_b) const {
  return session_.call(op::Op::matmul, op::Matmul{transpose_b}, {{a, b}}, key_, Format::f32);
}

Tensor Primitives::gather_rows(const Tensor& x, const Tensor& index, Format format) const {
  return session_.call(op::Op::gather_rows, op::GatherRows{}, {{x, index}}, key_, format);
}

Tensor Primitives::cache_gather(const Tensor& cache, const Tensor& table, std::int64_t sequence,
                                std::int64_t length) const {
  return session_.call(op::Op::cache_gather, op::CacheGather{sequence, length}, {{cache, table}}, key_, Format::f32);
}

Tensor Primitives::concat(const Tensor& a, const Tensor& b, Format format) const {
  return session_.call(op::Op::concat, op::Concat{}, {{a, b}}, key_, format);
}

Tensor Primitives::copy(const Tensor& x, Format format) const {
  return session_.call(op::Op::copy, op::Copy{}, {{x}}, key_, format);
}

Tensor Primitives::plain(const Tensor& x, std::string_view op_name) const {
  const auto is_plain = [](const Tensor& t) {
    return t.format() == Format::f32 && t.view().layout == Layout::kRowMajor && t.view().contiguous() &&
           t.view().padded == t.shape();
  };
  if (is_plain(x)) return x;
  Tensor result = copy(x, Format::f32);
  if (!is_plain(result))
    fail(Category::kUnsupported, key_, "device '{}' has no kernel for op '{}', whose fallback needs row-major tensors",
         session_.device().description().name, op_name);
  return result;
}

Tensor Primitives::indices(std::span<const std::int32_t> values, const Shape& shape) const {
  return session_.upload(HostTensor::from(values, shape));
}

}  // namespace firstlight::run
