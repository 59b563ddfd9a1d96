// The linear product by whole numbers: rows are quantised, then panels are split over the workers.
#include <algorithm>
#include <atomic>

#include "firstlight/device/cpu/isa.h"
#include "firstlight/device/cpu/ops/ops.h"
#include "firstlight/device/cpu/ops/support.h"
#include "firstlight/device/cpu/settings.h"

namespace firstlight::device::cpu {
namespace {

// Elements from one quantised row to the next, where they do not lie in tiles of lanes: an odd number of groups, so
// that rows do not share the sets of a cache.
std::int64_t row_stride(std::int64_t depth) { return (integer_groups(depth) | 1) * kIntegerGroup; }

// Scratch: quantised rows (whole tiles of them), their scales, then for each worker an f32 row that bf16 is widened to,
// or what a product of many rows needs.
struct Parts {
  std::int64_t values;  // bytes
  std::int64_t scales;
  std::int64_t worker;
  Parts(std::int64_t rows, std::int64_t depth)
      : values(round_up(rows, kLaneRows) * row_stride(depth) * 2),
        scales(round_up(rows, kLaneRows) * integer_groups(depth) * 4),
        worker(round_up(std::max({depth * 4, kIntegerScratch, kLaneScratch}), kLine) + kWorkerGap) {}
};

// body(r, its floats) for rows from `first` on.
template <typename Body>
void for_floats(const KernelCall& call, const Kernels& kernels, const Rows& x, std::int64_t first, std::int64_t rows,
                std::byte* workers, const Parts& parts, const Body& body) {
  const std::int64_t depth = row_length(call.in[0]);
  for_rows(call, rows, depth, [&](std::int64_t r, int worker) {
    const Source source = x.source(first + r);
    if (source.element == Element::kF32) return body(r, static_cast<const float*>(source.data));
    auto* wide = reinterpret_cast<float*>(workers + worker * parts.worker);
    kernels.rows.convert(source, f32_sink(wide), depth);
    body(r, wide);
  });
}

// The product of quantised rows: each block of whole tiles of `tile_rows` rows that `product` takes.
void multiply_rows(Executor& executor, const LinearTask& task, std::int64_t tile_rows,
                   decltype(IntegerKernels::linear) product, std::byte* workers, const Parts& parts) {
  const std::int64_t panels = ceil_div(task.weight.n, kPanel);
  const std::int64_t groups = integer_groups(task.weight.k);
  const std::int64_t tiles = ceil_div(task.rows, tile_rows);
  const std::int64_t blocks = ceil_div(task.rows, kRowBlock);
  const std::int64_t range = round_up(range_panels(task.weight.k * kPanel * task.rows), kBundle);
  executor.parallel_for(panels, range, [&](std::int64_t begin, std::int64_t end, int worker) {
    for (std::int64_t block = 0; block < blocks; ++block) {
      const std::int64_t row = tile_begin(tiles, blocks, block) * tile_rows;
      LinearTask part = task;
      part.rows = std::min(task.rows, tile_begin(tiles, blocks, block + 1) * tile_rows) - row;
      part.x = static_cast<const std::int16_t*>(task.x) + row * task.x_stride;
      part.x_scales = task.x_scales + row * groups;
      part.out = task.out + row * task.out_stride;
      product(part, begin, end, reinterpret_cast<std::uint8_t*>(workers + worker * parts.worker));
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
  return static_cast<std::size_t>(kLine + parts.values + parts.scales + parts.worker * threads);
}

bool linear_integer(const KernelCall& call, const Kernels& kernels, const IntegerKernels& integers, LinearTask task) {
  const Rows x(call.in[0]);
  const std::int64_t count = task.rows;
  const std::int64_t depth = task.weight.k;
  const std::int64_t groups = integer_groups(depth);
  std::uint8_t* out = task.out;
  const Parts parts(std::min(count, kSlabRows), depth);
  const auto base = reinterpret_cast<std::uintptr_t>(call.context.scratch.data());
  std::byte* scratch = call.context.scratch.data() + (round_up(base, kLine) - base);
  auto* values = reinterpret_cast<std::int16_t*>(scratch);
  auto* scales = reinterpret_cast<float*>(scratch + parts.values);
  std::byte* workers = scratch + parts.values + parts.scales;
  std::atomic<bool> finite = true;
  task.x = values;
  task.x_scales = scales;
  task.ahead = lines_ahead(task.weight.code);
  for (std::int64_t first = 0; first < count; first += kSlabRows) {
    task.rows = std::min(kSlabRows, count - first);
    task.out = out + first * task.out_stride;
    if (integers.lanes != nullptr && task.rows >= integers.least_lanes) {
      task.x_stride = groups * kIntegerGroup;
      const std::int64_t whole = task.rows / kLaneRows * kLaneRows;
      std::fill(values + whole * task.x_stride, values + round_up(task.rows, kLaneRows) * task.x_stride, 0);
      std::fill(scales + whole * groups, scales + round_up(task.rows, kLaneRows) * groups, 0.0F);
      for_floats(call, kernels, x, first, task.rows, workers, parts, [&](std::int64_t r, const float* row) {
        const std::int64_t tile = r / kLaneRows * kLaneRows;
        if (!integers.quantise_lane(row, depth, task.weight.code, r - tile, values + tile * task.x_stride,
                                    scales + tile * groups))
          finite = false;
      });
      multiply_rows(*call.context.executor, task, kLaneRows, integers.lanes, workers, parts);
    } else {
      task.x_stride = row_stride(depth);
      for_floats(call, kernels, x, first, task.rows, workers, parts, [&](std::int64_t r, const float* row) {
        if (!integers.quantise(row, depth, values + r * task.x_stride, scales + r * groups)) finite = false;
      });
      multiply_rows(*call.context.executor, task, 1, integers.linear, workers, parts);
    }
  }
  return finite;
}

}  // namespace firstlight::device::cpu
