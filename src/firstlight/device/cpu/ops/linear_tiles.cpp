// The linear product by tiles: rows of bf16 are laid in tiles, then groups of panels are split over the workers.
#include <algorithm>
#include <array>

#include "firstlight/device/cpu/ops/ops.h"
#include "firstlight/device/cpu/ops/support.h"

namespace firstlight::device::cpu {
namespace {

constexpr std::int64_t kTilesStride = worker_stride(kTileBlockFloats);

std::int64_t tiles_bytes(std::int64_t rows, std::int64_t depth) {
  return (rows < kTileSide ? rows : round_up(rows, kTileSide)) * round_up(depth, kTileDepth) * 2;
}

// Panels that a worker takes at a time: few enough that none waits long for the last, and even, as they go by twos.
std::int64_t group_panels(std::int64_t panels, std::int64_t threads) {
  constexpr std::int64_t kGroupsPerThread = 4;
  return std::min(kTileBlockPanels, round_up(ceil_div(panels, threads * kGroupsPerThread), 2));
}

}  // namespace

std::size_t linear_tiles_scratch(const KernelCall& call, int threads) {
  const std::int64_t rows = std::min(row_count(call.in[0]), kTileBlockRows);
  return static_cast<std::size_t>(kLine + tiles_bytes(rows, row_length(call.in[0])) + kTilesStride * 4 * threads);
}

void linear_tiles(const KernelCall& call, const ProductKernels& products, LinearTask task) {
  const Rows x(call.in[0]);
  const std::int64_t count = task.rows;
  const std::int64_t depth = task.weight.k;
  const std::int64_t panels = ceil_div(task.weight.n, kPanel);
  std::uint8_t* out = task.out;
  const auto base = reinterpret_cast<std::uintptr_t>(call.context.scratch.data());
  auto* slab = reinterpret_cast<std::uint8_t*>(call.context.scratch.data()) + (round_up(base, kLine) - base);
  auto* workers = reinterpret_cast<float*>(slab + tiles_bytes(std::min(count, kTileBlockRows), depth));
  Executor& executor = *call.context.executor;
  task.x = slab;
  for (std::int64_t first = 0; first < count; first += kTileBlockRows) {
    task.rows = std::min(kTileBlockRows, count - first);
    task.out = out + first * task.out_stride;
    executor.parallel_for(ceil_div(task.rows, kTileSide), 1, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t tile = begin; tile < end; ++tile) {
        std::array<Source, kTileSide> rows{};
        const std::int64_t row = tile * kTileSide;
        for (std::int64_t r = 0; r < std::min(kTileSide, task.rows - row); ++r)
          rows[static_cast<std::size_t>(r)] = x.source(first + row + r);
        products.pack_tile(rows.data(), std::min(kTileSide, task.rows), depth, slab + tiles_bytes(row, depth));
      }
    });
    const std::int64_t group = group_panels(panels, executor.threads());
    executor.parallel_for(ceil_div(panels, group), 1, [&](std::int64_t begin, std::int64_t end, int worker) {
      for (std::int64_t i = begin; i < end; ++i)
        products.blocked(task, i * group, std::min((i + 1) * group, panels), workers + worker * kTilesStride);
    });
  }
}

}  // namespace firstlight::device::cpu
