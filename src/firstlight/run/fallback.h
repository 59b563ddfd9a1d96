// Composite ops as primitives: the meaning of an op for a device that has no kernel for it. Internal to run.
#pragma once

#include <span>
#include <string_view>

#include "firstlight/op/all.h"
#include "firstlight/run/session.h"

namespace firstlight::run {

// Runs the op as session calls; the result is stored in `format`.
using FallbackFunction = Tensor (*)(Session& session, const void* args, std::span<const Tensor> in,
                                    std::string_view key, Format format);
// Null for primitives.
FallbackFunction find_fallback(op::Op op);

Tensor fallback_rms_norm(Session&, const void* args, std::span<const Tensor> in, std::string_view key, Format format);
Tensor fallback_layer_norm(Session&, const void* args, std::span<const Tensor> in, std::string_view key, Format format);
Tensor fallback_rope(Session&, const void* args, std::span<const Tensor> in, std::string_view key, Format format);
Tensor fallback_gated(Session&, const void* args, std::span<const Tensor> in, std::string_view key, Format format);
Tensor fallback_attention(Session&, const void* args, std::span<const Tensor> in, std::string_view key, Format format);

// Primitives under one key, with f32 between them.
class Primitives {
 public:
  Primitives(Session& session, std::string_view key) : session_(session), key_(key) {}

  Tensor unary(op::UnaryKind kind, const Tensor& x, Format format = Format::f32) const;
  Tensor binary(op::BinaryKind kind, const Tensor& a, const Tensor& b, Format format = Format::f32) const;
  Tensor affine(const Tensor& x, float scale, float offset) const;
  Tensor mean(const Tensor& x) const;
  Tensor softmax(const Tensor& x, float scale, const Tensor& valid) const;
  Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_b) const;
  Tensor gather_rows(const Tensor& x, const Tensor& index, Format format = Format::f32) const;
  Tensor cache_gather(const Tensor& cache, const Tensor& table, std::int64_t sequence, std::int64_t length) const;
  Tensor concat(const Tensor& a, const Tensor& b, Format format = Format::f32) const;
  Tensor copy(const Tensor& x, Format format) const;
  // x as contiguous row-major f32, which may be cut and reshaped at will; x itself when it is that. Throws kUnsupported
  // naming `op_name` where the device does not store f32 row by row.
  Tensor plain(const Tensor& x, std::string_view op_name) const;
  Tensor indices(std::span<const std::int32_t> values, const Shape& shape) const;

 private:
  Session& session_;
  std::string_view key_;
};

}  // namespace firstlight::run
