// Reductions over the last axis: sum, mean, maximum, softmax.
#include <cmath>
#include <limits>

#include "firstlight/device/ref/kernels.h"
#include "firstlight/device/ref/rows.h"
#include "firstlight/op/elementwise.h"

namespace firstlight::device::ref {
namespace {

double reduce_row(op::ReduceKind kind, const float* x, std::int64_t n) {
  if (kind == op::ReduceKind::kMax) {
    double largest = -std::numeric_limits<double>::infinity();
    for (std::int64_t i = 0; i < n; ++i) largest = x[i] > largest || std::isnan(x[i]) ? double{x[i]} : largest;
    return largest;
  }
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += x[i];
  return kind == op::ReduceKind::kMean ? sum / static_cast<double>(n) : sum;
}

}  // namespace

void reduce(const KernelCall& call) {
  const op::ReduceKind kind = call.as<op::Reduce>().kind;
  const View& x = call.in[0];
  for_rows(call, row_count(call.out[0]), [&](std::int64_t r, const RowBuffers& buffers) {
    if (row_length(x) > 0) read_row(x, r, buffers.in[0]);
    buffers.out[0] = static_cast<float>(reduce_row(kind, buffers.in[0], row_length(x)));
    write_row(call.out[0], r, buffers.out);
  });
}

// out[i] = exp(s[i] - max) / sum exp(s - max), s = x * scale, over the valid columns.
void softmax(const KernelCall& call) {
  const double scale = call.as<op::Softmax>().scale;
  const auto* valid = call.in.size() > 1 ? call.in[1].as<const std::int32_t>() : nullptr;
  const std::int64_t n = row_length(call.out[0]);
  for_rows(call, row_count(call.out[0]), [&](std::int64_t r, const RowBuffers& buffers) {
    const float* x = buffers.in[0];
    read_row(call.in[0], r, buffers.in[0]);
    std::int64_t begin = 0;
    std::int64_t end = n;
    if (valid != nullptr) {
      begin = std::clamp<std::int64_t>(valid[2 * r], 0, n);
      end = std::clamp<std::int64_t>(valid[2 * r + 1], begin, n);
    }
    double largest = -std::numeric_limits<double>::infinity();
    for (std::int64_t i = begin; i < end; ++i) largest = std::max(largest, x[i] * scale);
    double sum = 0;
    for (std::int64_t i = begin; i < end; ++i) sum += std::exp(x[i] * scale - largest);
    std::fill_n(buffers.out, n, 0.0F);
    for (std::int64_t i = begin; i < end; ++i)
      buffers.out[i] = static_cast<float>(std::exp(x[i] * scale - largest) / sum);
    write_row(call.out[0], r, buffers.out);
  });
}

}  // namespace firstlight::device::ref
