// Mixtures of experts: the weights of the chosen ones, and the sum of what they gave.
#include "firstlight/op/experts.h"

#include <cmath>

#include "firstlight/device/ref/kernels.h"
#include "firstlight/device/ref/rows.h"

namespace firstlight::device::ref {

// out[e] = exp(l[e] - max) / sum over all (or over the kept) of exp(l - max) for the kept experts.
void route(const KernelCall& call) {
  const auto& args = call.as<op::Route>();
  const std::int64_t n = row_length(call.out[0]);
  for_rows(call, row_count(call.out[0]), [&](std::int64_t r, const RowBuffers& buffers) {
    float* logits = buffers.in[0];
    float* out = buffers.out;
    read_row(call.in[0], r, logits);
    const double largest = *std::max_element(logits, logits + n);
    double all = 0;
    for (std::int64_t e = 0; e < n; ++e) all += std::exp(logits[e] - largest);
    std::fill_n(out, n, -1.0F);  // not kept so far
    double kept = 0;
    for (std::int32_t k = 0; k < args.top; ++k) {
      std::int64_t best = -1;
      for (std::int64_t e = 0; e < n; ++e)
        if (out[e] < 0 && (best < 0 || logits[e] > logits[best])) best = e;
      out[best] = 0;
      kept += std::exp(logits[best] - largest);
    }
    for (std::int64_t e = 0; e < n; ++e)
      out[e] = out[e] < 0 ? 0 : static_cast<float>(std::exp(logits[e] - largest) / (args.normalise ? kept : all));
    write_row(call.out[0], r, out);
  });
}

// out[r] = x[r] + weight[r] * y[index[r]]
void add_gathered(const KernelCall& call) {
  const auto* index = call.in[3].as<const std::int32_t>();
  const std::int64_t n = row_length(call.out[0]);
  for_rows(call, row_count(call.out[0]), [&](std::int64_t r, const RowBuffers& buffers) {
    read_row(call.in[0], r, buffers.in[0]);
    if (index[r] < 0) return write_row(call.out[0], r, buffers.in[0]);
    read_row(call.in[1], index[r], buffers.in[1]);
    read_row(call.in[2], r, buffers.in[2]);
    const double weight = buffers.in[2][0];
    for (std::int64_t i = 0; i < n; ++i)
      buffers.out[i] = static_cast<float>(buffers.in[0][i] + weight * buffers.in[1][i]);
    write_row(call.out[0], r, buffers.out);
  });
}

}  // namespace firstlight::device::ref
