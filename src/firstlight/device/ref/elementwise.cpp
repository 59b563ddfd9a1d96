// Element-wise ops, each value in double.
#include "firstlight/op/elementwise.h"

#include "firstlight/device/ref/kernels.h"
#include "firstlight/device/ref/rows.h"

namespace firstlight::device::ref {
namespace {

// The row of b that meets row r of the output: axes of 1 stay at their only index.
std::byte* broadcast_row(const View& out, const View& b, std::int64_t r) {
  if (b.shape.rank() < 2) return b.data;
  View walk = b;  // b under the output's outer axes, with stride 0 where it is repeated
  walk.shape = out.shape;
  walk.strides = {};
  for (int axis = 1; axis <= b.shape.rank(); ++axis)
    if (b.shape[-axis] != 1)
      walk.strides[static_cast<std::size_t>(out.shape.rank() - axis)] =
          b.strides[static_cast<std::size_t>(b.shape.rank() - axis)];
  return row_at(walk, r);
}

double combine(op::BinaryKind kind, double a, double b) {
  switch (kind) {
    case op::BinaryKind::kAdd:
      return a + b;
    case op::BinaryKind::kSubtract:
      return a - b;
    case op::BinaryKind::kMultiply:
      return a * b;
  }
  return 0;
}

}  // namespace

void binary(const KernelCall& call) {
  const View& b = call.in[1];
  const View& out = call.out[0];
  const op::BinaryKind kind = call.as<op::Binary>().kind;
  const std::int64_t n = row_length(out);
  const std::int64_t b_length = row_length(b);
  for_rows(call, row_count(out), [&](std::int64_t r, const RowBuffers& buffers) {
    read_row(call.in[0], r, buffers.in[0]);
    row(b.format).decode(broadcast_row(out, b, r), b_length, buffers.in[1]);
    for (std::int64_t i = 0; i < n; ++i)
      buffers.out[i] = static_cast<float>(combine(kind, buffers.in[0][i], buffers.in[1][b_length == 1 ? 0 : i]));
    write_row(out, r, buffers.out);
  });
}

void unary(const KernelCall& call) {
  const op::UnaryKind kind = call.as<op::Unary>().kind;
  for_rows(call, row_count(call.out[0]), [&](std::int64_t r, const RowBuffers& buffers) {
    read_row(call.in[0], r, buffers.in[0]);
    for (std::int64_t i = 0; i < row_length(call.out[0]); ++i)
      buffers.out[i] = static_cast<float>(op::evaluate(kind, buffers.in[0][i]));
    write_row(call.out[0], r, buffers.out);
  });
}

void affine(const KernelCall& call) {
  const auto& args = call.as<op::Affine>();
  for_rows(call, row_count(call.out[0]), [&](std::int64_t r, const RowBuffers& buffers) {
    read_row(call.in[0], r, buffers.in[0]);
    for (std::int64_t i = 0; i < row_length(call.out[0]); ++i)
      buffers.out[i] = static_cast<float>(double{buffers.in[0][i]} * args.scale + args.offset);
    write_row(call.out[0], r, buffers.out);
  });
}

void gated(const KernelCall& call) {
  const op::UnaryKind activation = call.as<op::Gated>().activation;
  for_rows(call, row_count(call.out[0]), [&](std::int64_t r, const RowBuffers& buffers) {
    read_row(call.in[0], r, buffers.in[0]);
    read_row(call.in[1], r, buffers.in[1]);
    for (std::int64_t i = 0; i < row_length(call.out[0]); ++i)
      buffers.out[i] = static_cast<float>(op::evaluate(activation, buffers.in[0][i]) * buffers.in[1][i]);
    write_row(call.out[0], r, buffers.out);
  });
}

}  // namespace firstlight::device::ref
