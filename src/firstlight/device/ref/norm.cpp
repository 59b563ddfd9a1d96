// Norms over the last axis, sums in double.
#include "firstlight/op/norm.h"

#include <cmath>

#include "firstlight/device/ref/kernels.h"
#include "firstlight/device/ref/rows.h"

namespace firstlight::device::ref {

// out = x / sqrt(mean(x^2) + eps) * (weight + weight_offset)
void rms_norm(const KernelCall& call) {
  const auto& args = call.as<op::RmsNorm>();
  const auto* weight = call.in[1].as<const float>();
  const std::int64_t n = row_length(call.out[0]);
  for_rows(call, row_count(call.out[0]), [&](std::int64_t r, const RowBuffers& buffers) {
    const float* x = buffers.in[0];
    read_row(call.in[0], r, buffers.in[0]);
    double squares = 0;
    for (std::int64_t i = 0; i < n; ++i) squares += double{x[i]} * x[i];
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(n) + args.eps);
    for (std::int64_t i = 0; i < n; ++i)
      buffers.out[i] = static_cast<float>(x[i] * inverse * (double{weight[i]} + args.weight_offset));
    write_row(call.out[0], r, buffers.out);
  });
}

// out = (x - mean) / sqrt(var + eps) * weight + bias
void layer_norm(const KernelCall& call) {
  const auto& args = call.as<op::LayerNorm>();
  const auto* weight = call.in[1].as<const float>();
  const auto* bias = call.in.size() > 2 ? call.in[2].as<const float>() : nullptr;
  const std::int64_t n = row_length(call.out[0]);
  for_rows(call, row_count(call.out[0]), [&](std::int64_t r, const RowBuffers& buffers) {
    const float* x = buffers.in[0];
    read_row(call.in[0], r, buffers.in[0]);
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) sum += x[i];
    const double mean = sum / static_cast<double>(n);
    double squares = 0;
    for (std::int64_t i = 0; i < n; ++i) squares += (x[i] - mean) * (x[i] - mean);
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(n) + args.eps);
    for (std::int64_t i = 0; i < n; ++i)
      buffers.out[i] = static_cast<float>((x[i] - mean) * inverse * weight[i] + (bias == nullptr ? 0.0 : bias[i]));
    write_row(call.out[0], r, buffers.out);
  });
}

}  // namespace firstlight::device::ref
