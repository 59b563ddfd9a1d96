// Mixtures of experts: the weights of the chosen ones, and the sum of what they gave. A row of weights is as short as
// there are experts, so routing is plain code in double for every ISA.
#include "firstlight/op/experts.h"

#include <cmath>

#include "firstlight/device/cpu/ops/ops.h"
#include "firstlight/device/cpu/ops/support.h"

namespace firstlight::device::cpu {
namespace {

float* f32_row(const KernelCall& call, int worker, std::int64_t longest) {
  return reinterpret_cast<float*>(call.context.scratch.data()) + worker * buffer_floats(longest);
}

// Turns logits into weights where they stand.
void route_row(const op::Route& args, float* row, std::int64_t n) {
  const double largest = *std::max_element(row, row + n);
  double all = 0;
  for (std::int64_t e = 0; e < n; ++e) all += std::exp(row[e] - largest);
  // The last expert that is kept, in the order of falling logits and rising indices.
  double kept = 0;
  float last_logit = 0;
  std::int64_t last = -1;
  const auto comes_after_last = [&](std::int64_t e) {
    return last < 0 || row[e] < last_logit || (row[e] == last_logit && e > last);
  };
  for (std::int32_t k = 0; k < args.top; ++k) {
    std::int64_t best = -1;
    for (std::int64_t e = 0; e < n; ++e)
      if (comes_after_last(e) && (best < 0 || row[e] > row[best])) best = e;
    if (best < 0) break;  // logits that are not numbers
    last = best;
    last_logit = row[best];
    kept += std::exp(row[best] - largest);
  }
  const double sum = args.normalise ? kept : all;
  for (std::int64_t e = 0; e < n; ++e)
    row[e] = comes_after_last(e) ? 0.0F : static_cast<float>(std::exp(row[e] - largest) / sum);
}

}  // namespace

void route(const KernelCall& call, const Kernels& kernels) {
  const auto& args = call.as<op::Route>();
  const Rows logits(call.in[0]);
  const Rows out(call.out[0]);
  const std::int64_t n = row_length(call.in[0]);
  for_rows(call, row_count(call.in[0]), n * args.top, [&](std::int64_t r, int worker) {
    float* row = f32_row(call, worker, n);
    kernels.rows.convert(logits.source(r), f32_sink(row), n);
    route_row(args, row, n);
    kernels.rows.convert(f32_source(row), out.sink(r), n);
  });
}

void add_gathered(const KernelCall& call, const Kernels& kernels) {
  const Rows x(call.in[0]);
  const Rows y(call.in[1]);
  const Rows weights(call.in[2]);
  const Rows out(call.out[0]);
  const auto* index = call.in[3].as<const std::int32_t>();
  const std::int64_t n = row_length(call.in[0]);
  for_rows(call, row_count(call.in[0]), n, [&](std::int64_t r, int worker) {
    if (index[r] < 0) return kernels.rows.convert(x.source(r), out.sink(r), n);
    float weight = 0;
    kernels.rows.convert(weights.source(r), f32_sink(&weight), 1);
    float* scaled = f32_row(call, worker, n);
    kernels.rows.affine(weight, 0, y.source(index[r]), f32_sink(scaled), n);
    kernels.rows.binary(BinaryCode::kAdd, x.source(r), f32_source(scaled), false, out.sink(r), n);
  });
}

}  // namespace firstlight::device::cpu
