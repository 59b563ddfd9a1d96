// out[b] = a[b] b[b], or a[b] b[b]^T.
#include "firstlight/device/ref/kernels.h"
#include "firstlight/device/ref/product.h"
#include "firstlight/op/linear.h"

namespace firstlight::device::ref {
namespace {

struct MatmulOperands {
  const View& a;
  const View& b;
  const View& out;
  std::int64_t batches_per_b;
  bool transposed;

  void read_x(std::int64_t batch, std::int64_t m, float* dst) const {
    row(a.format).decode(row_at(a, {batch, m}), a.shape[2], dst);
  }

  void read_w(std::int64_t batch, std::int64_t k, std::int64_t depth, std::int64_t n, std::int64_t columns,
              const ProductBuffers& buffers) const {
    const std::int64_t index = batch / batches_per_b;
    if (transposed) {
      for (std::int64_t j = 0; j < columns; ++j) {
        read_part(b.format, row_at(b, {index, n + j}), b.shape[2], k, depth, buffers.part, buffers.encoded);
        for (std::int64_t i = 0; i < depth; ++i) buffers.w[i * columns + j] = buffers.part[i];
      }
      return;
    }
    for (std::int64_t i = 0; i < depth; ++i) {
      read_part(b.format, row_at(b, {index, k + i}), b.shape[2], n, columns, buffers.part, buffers.encoded);
      std::copy_n(buffers.part, columns, buffers.w + i * columns);
    }
  }

  void write(std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t columns, const double* acc,
             const ProductBuffers& buffers) const {
    std::copy_n(acc, columns, buffers.part);
    write_part(out.format, row_at(out, {batch, m}), out.shape[2], n, columns, buffers.part, buffers.encoded);
  }
};

}  // namespace

void matmul(const KernelCall& call) {
  const View& a = call.in[0];
  const View& b = call.in[1];
  const View& out = call.out[0];
  if (out.shape.elements() == 0) return;
  const MatmulOperands operands{a, b, out, a.shape[0] / b.shape[0], call.as<op::Matmul>().transpose_b};
  product(call, {a.shape[0], a.shape[1], a.shape[2], out.shape[2]}, operands);
}

}  // namespace firstlight::device::ref
