// The linear product with inputs of 8 bits: rows are quantised, then panels are split over the workers.
#include <algorithm>

#include "firstlight/device/cpu/ops/ops.h"
#include "firstlight/device/cpu/ops/support.h"
#include "firstlight/device/cpu/settings.h"

namespace firstlight::device::cpu {
namespace {

// Scratch: quantised rows, their scales, then for each worker an f32 row that bf16 is widened to, or what a product of
// many rows needs.
struct Parts {
  std::int64_t values;  // bytes
  std::int64_t scales;
  std::int64_t worker;
  Parts(std::int64_t rows, std::int64_t depth)
      : values(round_up(rows * integer_groups(depth) * kIntegerGroup * 2, kLine)),
        scales(round_up(rows * integer_groups(depth) * 4, kLine)),
        worker(round_up(std::max(depth * 4, kIntegerScratch), kLine)) {}
};

void quantise_rows(const KernelCall& call, const Kernels& kernels, const Rows& x, std::int64_t first, std::int64_t rows,
                   const Parts& parts) {
  const std::int64_t depth = row_length(call.in[0]);
  const std::int64_t groups = integer_groups(depth);
  std::byte* base = call.context.scratch.data();
  for_rows(call, rows, depth, [&](std::int64_t r, int worker) {
    const Source source = x.source(first + r);
    const auto* floats = static_cast<const float*>(source.data);
    if (source.element != Element::kF32) {
      auto* wide = reinterpret_cast<float*>(base + parts.values + parts.scales + worker * parts.worker);
      kernels.rows.convert(source, f32_sink(wide), depth);
      floats = wide;
    }
    kernels.integers.quantise(floats, depth, reinterpret_cast<std::int16_t*>(base) + r * groups * kIntegerGroup,
                              reinterpret_cast<float*>(base + parts.values) + r * groups);
  });
}

// Rows of x from `first` on, which have been quantised.
void multiply_rows(const KernelCall& call, const Kernels& kernels, const LinearTask& task, const Parts& parts) {
  Executor& executor = *call.context.executor;
  const std::int64_t panels = ceil_div(task.weight.n, kPanel);
  const std::int64_t groups = integer_groups(task.weight.k);
  const std::int64_t blocks = ceil_div(task.rows, kRowBlock);
  const std::int64_t range = range_panels(task.weight.k * kPanel * task.rows);
  auto* workers = reinterpret_cast<std::uint8_t*>(call.context.scratch.data() + parts.values + parts.scales);
  executor.parallel_for(panels, range, [&](std::int64_t begin, std::int64_t end, int worker) {
    for (std::int64_t block = 0; block < blocks; ++block) {
      const std::int64_t row = tile_begin(task.rows, blocks, block);
      LinearTask part = task;
      part.rows = tile_begin(task.rows, blocks, block + 1) - row;
      part.x = static_cast<const std::int16_t*>(task.x) + row * task.x_stride;
      part.x_scales = task.x_scales + row * groups;
      part.out = task.out + row * task.out_stride;
      kernels.integers.linear(part, begin, end, workers + worker * parts.worker);
    }
  });
}

}  // namespace

bool takes_integers(const KernelCall& call) {
  const auto* settings = static_cast<const Settings*>(call.context.settings);
  return settings != nullptr && settings->integer_inputs && row(call.in[1].format).block_elements > 1;
}

std::size_t linear_integer_scratch(const KernelCall& call, int threads) {
  const Parts parts(std::min(row_count(call.in[0]), kSlabRows), row_length(call.in[0]));
  return static_cast<std::size_t>(parts.values + parts.scales + parts.worker * threads);
}

void linear_integer(const KernelCall& call, const Kernels& kernels, LinearTask task) {
  const Rows x(call.in[0]);
  const std::int64_t count = task.rows;
  std::uint8_t* out = task.out;
  const Parts parts(std::min(count, kSlabRows), task.weight.k);
  task.x = call.context.scratch.data();
  task.x_stride = integer_groups(task.weight.k) * kIntegerGroup;
  task.x_scales = reinterpret_cast<const float*>(call.context.scratch.data() + parts.values);
  for (std::int64_t first = 0; first < count; first += kSlabRows) {
    task.rows = std::min(kSlabRows, count - first);
    task.out = out + first * task.out_stride;
    quantise_rows(call, kernels, x, first, task.rows, parts);
    multiply_rows(call, kernels, task, parts);
  }
}

}  // namespace firstlight::device::cpu
