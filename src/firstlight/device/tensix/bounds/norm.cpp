// Bounds of norms, step by step as ops/norm.cpp takes them.
#include "firstlight/op/norm.h"

#include "firstlight/device/tensix/bounds/bounds.h"
#include "firstlight/device/tensix/ops/ops.h"

namespace firstlight::device::tensix {
namespace {

// x / sqrt(mean(x^2) + eps) in place.
void normalise_near(const Steps& steps, double eps, std::span<Near> x) {
  const Format buffer = steps.buffer();
  std::vector<Near> squares(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) squares[i] = steps.mul(x[i], buffer, x[i], buffer);
  const Near mean = steps.reduce_sum(squares, buffer, host_constant(1.0 / static_cast<double>(x.size())), true);
  // Squares are never negative, so neither is their mean.
  const Near root =
      steps.sfpu_store(steps.rsqrt(steps.add(mean, buffer, host_constant(eps), Format::bf16), eps * (1 - kCutToBf16)));
  for (Near& value : x) value = steps.mul(value, buffer, root, buffer);
}

std::vector<Near> near_row(const Steps& steps, std::span<const float> x, Format format) {
  std::vector<Near> row;
  for (const float value : x) row.push_back(steps.load({value, 0}, format));
  return row;
}

}  // namespace

void bound_rms_norm(const BoundCall& call) {
  const auto& args = call.call.as<op::RmsNorm>();
  const Core& core = call.core;
  const Steps steps(core, core.ops.norm, has_f32(call.call, call.in[0]));
  const std::vector<float> x = call.values(0);
  const std::vector<float> weight = call.values(1);
  const auto n = static_cast<std::size_t>(row_length(call.exact));
  for (std::size_t r = 0; r < static_cast<std::size_t>(row_count(call.exact)); ++r) {
    std::vector<Near> row = near_row(steps, std::span(x).subspan(r * n, n), call.format(0));
    normalise_near(steps, args.eps, row);
    for (std::size_t i = 0; i < n; ++i)
      call.bound[r * n + i] =
          steps.mul(row[i], steps.buffer(), host_constant(weight[i] + args.weight_offset), Format::bf16).error;
  }
}

void bound_layer_norm(const BoundCall& call) {
  const auto& args = call.call.as<op::LayerNorm>();
  const Core& core = call.core;
  const Steps steps(core, core.ops.norm, has_f32(call.call, call.in[0]));
  const Format buffer = steps.buffer();
  const std::vector<float> x = call.values(0);
  const std::vector<float> weight = call.values(1);
  const std::vector<float> bias = call.in.size() > 2 ? call.values(2) : std::vector<float>();
  const auto n = static_cast<std::size_t>(row_length(call.exact));
  for (std::size_t r = 0; r < static_cast<std::size_t>(row_count(call.exact)); ++r) {
    std::vector<Near> row = near_row(steps, std::span(x).subspan(r * n, n), call.format(0));
    const Near mean = steps.reduce_sum(row, buffer, host_constant(1.0 / static_cast<double>(n)));
    for (Near& value : row) value = steps.add(value, buffer, {-mean.value, mean.error}, buffer);
    normalise_near(steps, args.eps, row);
    for (std::size_t i = 0; i < n; ++i) {
      Near value = steps.mul(row[i], buffer, host_constant(weight[i]), Format::bf16);
      if (!bias.empty()) value = steps.add(value, buffer, host_constant(bias[i]), Format::bf16);
      call.bound[r * n + i] = value.error;
    }
  }
}

}  // namespace firstlight::device::tensix
