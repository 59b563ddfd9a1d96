// out[r, n] = sum_k x[r, k] W[k, n] + bias[n], W stored as rows k in its format's row layout.
#include "firstlight/op/linear.h"

#include "firstlight/device/ref/kernels.h"
#include "firstlight/device/ref/product.h"

namespace firstlight::device::ref {
namespace {

struct LinearOperands {
  const View& x;
  const View& weight;
  const float* bias;  // [N] or null
  const View& out;
  std::int64_t weight_row_bytes;

  void read_x(std::int64_t, std::int64_t m, float* dst) const { read_row(x, m, dst); }

  void read_w(std::int64_t, std::int64_t k, std::int64_t depth, std::int64_t n, std::int64_t columns,
              const ProductBuffers& buffers) const {
    for (std::int64_t i = 0; i < depth; ++i) {
      const std::byte* stored = weight.data + (k + i) * weight_row_bytes;
      read_part(weight.format, stored, weight.shape[1], n, columns, buffers.part, buffers.encoded);
      std::copy_n(buffers.part, columns, buffers.w + i * columns);
    }
  }

  void write(std::int64_t, std::int64_t m, std::int64_t n, std::int64_t columns, const double* acc,
             const ProductBuffers& buffers) const {
    for (std::int64_t i = 0; i < columns; ++i)
      buffers.part[i] = static_cast<float>(bias == nullptr ? acc[i] : acc[i] + bias[n + i]);
    write_part(out.format, row_at(out, m), weight.shape[1], n, columns, buffers.part, buffers.encoded);
  }
};

}  // namespace

void linear(const KernelCall& call) {
  const View& weight = call.in[1];
  const LinearOperands operands{call.in[0], weight, call.in.size() > 2 ? call.in[2].as<const float>() : nullptr,
                                call.out[0], row_bytes(weight.format, weight.shape[1])};
  product(call, {1, row_count(call.out[0]), weight.shape[0], weight.shape[1]}, operands);
}

}  // namespace firstlight::device::ref
