// Bounds of products with a placed weight, and of two activations.
#include "firstlight/op/linear.h"

#include <algorithm>

#include "firstlight/device/tensix/bounds/bounds.h"
#include "firstlight/device/tensix/bounds/product.h"
#include "firstlight/device/tensix/ops/ops.h"

namespace firstlight::device::tensix {
namespace {

constexpr std::int64_t kPanelColumns = 128;

// Tasks in parallel where the call has threads.
template <typename Body>
void for_tasks(const KernelCall& call, std::int64_t count, const Body& body) {
  const auto range = [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) body(i);
  };
  if (call.context.executor != nullptr)
    call.context.executor->parallel_for(count, 1, range);
  else
    range(0, count, 0);
}

}  // namespace

void bound_linear(const BoundCall& call) {
  const Core& core = call.core;
  const Fidelity fidelity = settings_of(call.call).asked.value_or(core.ops.linear);
  const bool f32_io = has_f32(call.call, call.in[0]);
  const std::vector<float> x = call.values(0);
  const std::vector<float> w = call.values(1);
  const std::vector<float> bias = call.in.size() > 2 ? call.values(2) : std::vector<float>();
  const std::int64_t depth = call.in[1].shape[0];
  const std::int64_t columns = call.in[1].shape[1];
  const std::int64_t rows = row_count(call.exact);
  const ProductBound product(core, fidelity, f32_io, block_width(ceil_div(depth, kTileSide), core.ops.block_tiles));
  const Steps steps(core, fidelity, f32_io || core.fast);
  for_tasks(call.call, ceil_div(columns, kPanelColumns), [&](std::int64_t task) {
    const std::int64_t first = task * kPanelColumns;
    const std::int64_t count = std::min(kPanelColumns, columns - first);
    const Panel panel = make_panel(depth, count, Format::f32, product.wide, [&](std::int64_t k, std::int64_t n) {
      return w[static_cast<std::size_t>(k * columns + first + n)];
    });
    std::vector<Near> dst(static_cast<std::size_t>(count));
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto row = std::span(x).subspan(static_cast<std::size_t>(r * depth), static_cast<std::size_t>(depth));
      product.run(known_row(row, call.format(0), product.wide), panel, dst);
      for (std::int64_t n = 0; n < count; ++n) {
        Near sum = dst[static_cast<std::size_t>(n)];
        if (!bias.empty())
          sum = steps.add(steps.to_l1(sum, steps.buffer()), steps.buffer(),
                          host_constant(bias[static_cast<std::size_t>(first + n)]), Format::bf16);
        call.bound[static_cast<std::size_t>(r * columns + first + n)] = sum.error;
      }
    }
  });
}

void bound_matmul(const BoundCall& call) {
  if (call.bound.empty()) return;
  const bool transposed = call.call.as<op::Matmul>().transpose_b;
  const Core& core = call.core;
  const std::vector<float> a = call.values(0);
  const std::vector<float> b = call.values(1);
  const Shape& out = call.exact.shape;  // [B, M, N]
  const std::int64_t depth = call.in[0].shape[2];
  const std::int64_t share = out[0] / call.in[1].shape[0];
  const bool f32_io = has_f32(call.call, call.in[0]) || call.format(1) == Format::f32;
  const ProductBound product(core, core.ops.matmul, f32_io,
                             block_width(ceil_div(depth, kTileSide), core.ops.block_tiles));
  for_tasks(call.call, out[0], [&](std::int64_t batch) {
    const float* matrix = b.data() + batch / share * depth * out[2];
    const Panel panel = make_panel(depth, out[2], call.format(1), product.wide, [&](std::int64_t k, std::int64_t n) {
      return transposed ? matrix[n * depth + k] : matrix[k * out[2] + n];
    });
    std::vector<Near> dst(static_cast<std::size_t>(out[2]));
    for (std::int64_t m = 0; m < out[1]; ++m) {
      const auto first = static_cast<std::size_t>((batch * out[1] + m) * depth);
      const auto row = std::span(a).subspan(first, static_cast<std::size_t>(depth));
      product.run(known_row(row, call.format(0), product.wide), panel, dst);
      for (std::int64_t n = 0; n < out[2]; ++n)
        call.bound[static_cast<std::size_t>((batch * out[1] + m) * out[2] + n)] =
            dst[static_cast<std::size_t>(n)].error;
    }
  });
}

}  // namespace firstlight::device::tensix
