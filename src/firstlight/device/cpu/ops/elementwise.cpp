// Element-wise ops and reductions, row by row.
#include "firstlight/op/elementwise.h"

#include <array>

#include "firstlight/device/cpu/ops/ops.h"
#include "firstlight/device/cpu/ops/support.h"

namespace firstlight::device::cpu {
namespace {

UnaryCode unary_code(op::UnaryKind kind) {
  switch (kind) {
    case op::UnaryKind::kSilu:
      return UnaryCode::kSilu;
    case op::UnaryKind::kGelu:
      return UnaryCode::kGelu;
    case op::UnaryKind::kGeluTanh:
      return UnaryCode::kGeluTanh;
    case op::UnaryKind::kQuickGelu:
      return UnaryCode::kQuickGelu;
    case op::UnaryKind::kRelu:
      return UnaryCode::kRelu;
    case op::UnaryKind::kTanh:
      return UnaryCode::kTanh;
    case op::UnaryKind::kSigmoid:
      return UnaryCode::kSigmoid;
    case op::UnaryKind::kExp:
      return UnaryCode::kExp;
    case op::UnaryKind::kSquare:
      return UnaryCode::kSquare;
    case op::UnaryKind::kRsqrt:
      break;
  }
  return UnaryCode::kRsqrt;
}

BinaryCode binary_code(op::BinaryKind kind) {
  switch (kind) {
    case op::BinaryKind::kAdd:
      return BinaryCode::kAdd;
    case op::BinaryKind::kSubtract:
      return BinaryCode::kSubtract;
    case op::BinaryKind::kMultiply:
      break;
  }
  return BinaryCode::kMultiply;
}

// Row r of `b` when it is broadcast to the shape of `a`: axes of 1, and missing ones, stay where they are.
Source broadcast_row(const View& a, const View& b, std::int64_t r) {
  const std::byte* data = b.data;
  for (int axis = 2; axis <= a.shape.rank(); ++axis) {
    const std::int64_t index = r % a.shape[-axis];
    r /= a.shape[-axis];
    if (axis <= b.shape.rank() && b.shape[-axis] != 1) data += index * axis_bytes(b, b.shape.rank() - axis);
  }
  return {data, element_of(b)};
}

}  // namespace

void binary(const KernelCall& call, const Kernels& kernels) {
  const View& a = call.in[0];
  const View& b = call.in[1];
  const Rows a_rows(a);
  const Rows out(call.out[0]);
  const BinaryCode code = binary_code(call.as<op::Binary>().kind);
  const std::int64_t n = row_length(a);
  const bool one_b = row_length(b) == 1;
  for_rows(call, row_count(a), n, [&](std::int64_t r, int) {
    kernels.rows.binary(code, a_rows.source(r), broadcast_row(a, b, r), one_b, out.sink(r), n);
  });
}

void unary(const KernelCall& call, const Kernels& kernels) {
  const Rows x(call.in[0]);
  const Rows out(call.out[0]);
  const UnaryCode code = unary_code(call.as<op::Unary>().kind);
  const std::int64_t n = row_length(call.in[0]);
  for_rows(call, row_count(call.in[0]), n,
           [&](std::int64_t r, int) { kernels.rows.unary(code, x.source(r), out.sink(r), n); });
}

void gated(const KernelCall& call, const Kernels& kernels) {
  const Rows gate(call.in[0]);
  const Rows up(call.in[1]);
  const Rows out(call.out[0]);
  const UnaryCode code = unary_code(call.as<op::Gated>().activation);
  const std::int64_t n = row_length(call.in[0]);
  for_rows(call, row_count(call.in[0]), n,
           [&](std::int64_t r, int) { kernels.rows.gated(code, gate.source(r), up.source(r), out.sink(r), n); });
}

void affine(const KernelCall& call, const Kernels& kernels) {
  const auto& args = call.as<op::Affine>();
  const Rows x(call.in[0]);
  const Rows out(call.out[0]);
  const std::int64_t n = row_length(call.in[0]);
  for_rows(call, row_count(call.in[0]), n,
           [&](std::int64_t r, int) { kernels.rows.affine(args.scale, args.offset, x.source(r), out.sink(r), n); });
}

void reduce(const KernelCall& call, const Kernels& kernels) {
  const op::ReduceKind kind = call.as<op::Reduce>().kind;
  const Rows x(call.in[0]);
  const Rows out(call.out[0]);
  const std::int64_t n = row_length(call.in[0]);
  // A row of no elements still has its sum.
  for_rows(call, row_count(call.out[0]), n, [&](std::int64_t r, int) {
    float value =
        kernels.rows.reduce(kind == op::ReduceKind::kMax ? ReduceCode::kMax : ReduceCode::kSum, x.source(r), n);
    if (kind == op::ReduceKind::kMean) value /= static_cast<float>(n);
    kernels.rows.convert(f32_source(&value), out.sink(r), 1);
  });
}

void softmax(const KernelCall& call, const Kernels& kernels) {
  const float scale = call.as<op::Softmax>().scale;
  const Rows x(call.in[0]);
  const Rows out(call.out[0]);
  const std::int64_t n = row_length(call.in[0]);
  const View* valid = call.in.size() > 1 ? &call.in[1] : nullptr;
  for_rows(call, row_count(call.in[0]), n, [&](std::int64_t r, int) {
    std::int64_t begin = 0;
    std::int64_t end = n;
    if (valid != nullptr) {
      const auto* range = valid->as<const std::int32_t>() + r * valid->strides[0];
      begin = std::clamp<std::int64_t>(range[0], 0, n);
      end = std::clamp<std::int64_t>(range[1], 0, n);
    }
    kernels.rows.softmax(scale, x.source(r), out.sink(r), n, begin, end);
  });
}

}  // namespace firstlight::device::cpu
