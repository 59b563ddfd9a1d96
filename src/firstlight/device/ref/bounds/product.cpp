// Bounds of products. Every term meets at most K + 1 roundings (its own product, the sums, the bias), whatever the
// order: |error| <= gamma(K + 2) * (sum_k |x_k| |w_k| + |bias|).
#include "firstlight/device/ref/bounds/parts.h"
#include "firstlight/device/ref/rows.h"
#include "firstlight/op/linear.h"

namespace firstlight::device::ref {
namespace {

double product_error(double magnitude, std::int64_t depth) {
  const auto terms = static_cast<double>(depth + 2);
  return gamma(terms) * magnitude + terms * kUnderflow;
}

}  // namespace

void bound_linear(const BoundCall& call) {
  const std::vector<float> x = call.values(0);
  const std::vector<float> w = call.values(1);
  const std::int64_t depth = call.in[1].shape[0];
  const std::int64_t columns = call.in[1].shape[1];
  std::vector<double> magnitude(static_cast<std::size_t>(columns));
  for (std::int64_t r = 0; r < row_count(call.exact); ++r) {
    std::ranges::fill(magnitude, 0.0);
    if (call.in.size() > 2) {
      const auto* bias = call.in[2].as<const float>();
      for (std::int64_t n = 0; n < columns; ++n) magnitude[static_cast<std::size_t>(n)] = std::abs(bias[n]);
    }
    for (std::int64_t k = 0; k < depth; ++k) {
      const double xk = std::abs(x[static_cast<std::size_t>(r * depth + k)]);
      const float* wk = w.data() + k * columns;
      for (std::int64_t n = 0; n < columns; ++n) magnitude[static_cast<std::size_t>(n)] += xk * std::abs(wk[n]);
    }
    for (std::int64_t n = 0; n < columns; ++n)
      call.bound[static_cast<std::size_t>(r * columns + n)] =
          product_error(magnitude[static_cast<std::size_t>(n)], depth);
  }
}

void bound_matmul(const BoundCall& call) {
  if (call.bound.empty()) return;
  const std::vector<float> a = call.values(0);
  const std::vector<float> b = call.values(1);
  const bool transposed = call.as<op::Matmul>().transpose_b;
  const Shape& out = call.exact.shape;  // [B, M, N]
  const std::int64_t depth = call.in[0].shape[2];
  const std::int64_t shared = out[0] / call.in[1].shape[0];
  for (std::int64_t i = 0; i < out.elements(); ++i) {
    const std::int64_t n = i % out[2];
    const float* row_a = a.data() + i / out[2] * depth;
    const float* matrix = b.data() + i / out[2] / out[1] / shared * depth * out[2];
    double magnitude = 0;
    for (std::int64_t k = 0; k < depth; ++k)
      magnitude += std::abs(double{row_a[k]} * (transposed ? matrix[n * depth + k] : matrix[k * out[2] + n]));
    call.bound[static_cast<std::size_t>(i)] = product_error(magnitude, depth);
  }
}

}  // namespace firstlight::device::ref
