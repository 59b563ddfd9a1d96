// The inner loop of products.
#include "firstlight/device/ref/product.h"

#include "firstlight/device/ref/kernels.h"

namespace firstlight::device::ref {

// Four steps of k per pass keep acc in registers; each output still adds them one by one, in order.
void multiply_add(const float* x, std::int64_t x_stride, const double* w, std::int64_t rows, std::int64_t depth,
                  std::int64_t columns, double* acc) {
  for (std::int64_t m = 0; m < rows; ++m) {
    const float* xm = x + m * x_stride;
    double* out = acc + m * columns;
    std::int64_t k = 0;
    for (; k + 4 <= depth; k += 4) {
      const double x0 = xm[k];
      const double x1 = xm[k + 1];
      const double x2 = xm[k + 2];
      const double x3 = xm[k + 3];
      const double* w0 = w + k * columns;
      const double* w1 = w0 + columns;
      const double* w2 = w1 + columns;
      const double* w3 = w2 + columns;
      for (std::int64_t n = 0; n < columns; ++n) out[n] = out[n] + x0 * w0[n] + x1 * w1[n] + x2 * w2[n] + x3 * w3[n];
    }
    for (; k < depth; ++k) {
      const double xk = xm[k];
      const double* wk = w + k * columns;
      for (std::int64_t n = 0; n < columns; ++n) out[n] += xk * wk[n];
    }
  }
}

std::size_t product_scratch(const KernelCall& call, int threads) {
  return ProductBuffers::bytes(row_length(call.in[0])) * static_cast<std::size_t>(threads);
}

}  // namespace firstlight::device::ref
