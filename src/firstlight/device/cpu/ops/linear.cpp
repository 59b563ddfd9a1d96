// x W + bias: rows of x as the product takes them, the panels of W split over the workers.
#include "firstlight/op/linear.h"

#include <algorithm>
#include <array>
#include <span>

#include "firstlight/device/cpu/ops/ops.h"
#include "firstlight/device/cpu/ops/support.h"
#include "firstlight/device/cpu/pack.h"

namespace firstlight::device::cpu {
namespace {

constexpr std::int64_t kMostTileRows = 16;

// Whether few rows of x can be read in place: rows one stride apart, and pairs of bf16 whole.
bool in_place(const View& x, const Rows& rows, bool pairs) {
  const std::int64_t bytes = pairs ? 2 : 4;
  return x.format == (pairs ? Format::bf16 : Format::f32) && rows.uniform() && rows.stride_bytes() % bytes == 0 &&
         (!pairs || row_length(x) % 2 == 0);
}

// The kernels for these operands: bf16 by a weight of at most 8 significant bits is all that the instructions take.
const ProductKernels& products_of(const KernelCall& call, const Kernels& kernels) {
  const WeightCode code = panel_weight(call.in[1]).code;
  return call.in[0].format == Format::bf16 && code != WeightCode::kF32 && code != WeightCode::kF16 ? kernels.bf16
                                                                                                   : kernels.floats;
}

bool may_take_words(const KernelCall& call) {
  return call.in[0].format == Format::bf16 && row(call.in[1].format).block_elements > 1;
}

constexpr std::int64_t kBlockedStride = worker_stride(kBlockedFloats);

// Floats of scratch for the inputs of `rows` rows, as either kind.
std::int64_t slab_floats(std::int64_t rows, std::int64_t depth) { return round_up(rows * round_up(depth, 2), 16); }

// The rows of x from `first` on.
void few_rows(const KernelCall& call, const RowKernels& row_kernels, const ProductKernels& products, LinearTask task,
              std::int64_t panels, std::int64_t first = 0) {
  const View& x = call.in[0];
  const Rows x_rows(x);
  const std::int64_t depth = task.weight.k;
  auto* slab = reinterpret_cast<float*>(call.context.scratch.data());
  const bool scaled = task.weight.code > WeightCode::kBf16;
  const bool pairs = products.inputs == Inputs::kPairs;
  task.x_lowest = 255;
  task.x_highest = 0;
  if (!pairs || scaled) {
    // The range is that of the floats; pairs are read as they are.
    for (std::int64_t r = 0; r < task.rows; ++r) {
      const bool floats_in_place = in_place(x, x_rows, false);
      float* floats = slab + r * depth;
      if (!floats_in_place) row_kernels.convert(x_rows.source(first + r), f32_sink(floats), depth);
      if (scaled)
        row_kernels.exponent_range(floats_in_place ? reinterpret_cast<const float*>(x_rows.at(first + r)) : floats,
                                   depth, &task.x_lowest, &task.x_highest);
    }
  }
  if (in_place(x, x_rows, pairs)) {
    task.x = x_rows.at(first);
    task.x_stride = x_rows.stride_bytes() / (pairs ? 2 : 4);
  } else if (!pairs) {
    task.x = slab;
    task.x_stride = depth;
  } else {
    auto* halves = reinterpret_cast<std::uint16_t*>(slab + task.rows * depth);
    task.x_stride = round_up(depth, 2);
    for (std::int64_t r = 0; r < task.rows; ++r) {
      halves[r * task.x_stride + task.x_stride - 1] = 0;
      std::copy_n(reinterpret_cast<const std::uint16_t*>(x_rows.at(first + r)), depth, halves + r * task.x_stride);
    }
    task.x = halves;
  }
  Executor& executor = *call.context.executor;
  const std::int64_t range = range_panels(depth * kPanel * task.rows);
  const std::int64_t together = scaled ? kBundle : products.direct_panels[task.rows];
  executor.parallel_for(panels, round_up(range, together),
                        [&](std::int64_t begin, std::int64_t end, int) { products.direct(task, begin, end); });
}

void many_rows(const KernelCall& call, const ProductKernels& products, LinearTask task, std::int64_t panels) {
  const Rows x_rows(call.in[0]);
  const std::int64_t count = task.rows;
  const std::int64_t depth = task.weight.k;
  const std::int64_t steps = products.inputs == Inputs::kFloats ? depth : ceil_div(depth, 2);
  std::uint8_t* out = task.out;
  auto* slab = reinterpret_cast<float*>(call.context.scratch.data());
  float* workers = slab + slab_floats(std::min(count, kSlabRows), depth);
  Executor& executor = *call.context.executor;
  for (std::int64_t first = 0; first < count; first += kSlabRows) {
    const std::int64_t rows = std::min(kSlabRows, count - first);
    const std::int64_t blocks = ceil_div(rows, kRowBlock);
    // The tiles of a block of rows follow one another, so do the blocks.
    const auto block_begin = [&](std::int64_t block) { return tile_begin(rows, blocks, block); };
    const std::int64_t most_tiles = tile_count(ceil_div(rows, blocks), products.tile_rows);
    executor.parallel_for(blocks * most_tiles, 1, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t block = i / most_tiles;
        const std::int64_t block_rows = block_begin(block + 1) - block_begin(block);
        const std::int64_t tiles = tile_count(block_rows, products.tile_rows);
        const std::int64_t tile = i % most_tiles;
        if (tile >= tiles) continue;
        const auto begin_of = [&](std::int64_t t) {
          return product_tile_begin(block_rows, tiles, products.tile_rows, t);
        };
        const std::int64_t row = block_begin(block) + begin_of(tile);
        const std::int64_t tile_rows = begin_of(tile + 1) - begin_of(tile);
        std::array<Source, kMostTileRows> sources;
        for (std::int64_t r = 0; r < std::min(tile_rows, kMostTileRows); ++r)
          sources[static_cast<std::size_t>(r)] = x_rows.source(first + row + r);
        products.pack_tile(sources.data(), tile_rows, depth, slab + row * steps);
      }
    });
    // Tasks are (group of panels, block of rows), the blocks of a group one after the other.
    executor.parallel_for(
        ceil_div(panels, kPanelGroup) * blocks, 1, [&](std::int64_t begin, std::int64_t end, int worker) {
          for (std::int64_t i = begin; i < end; ++i) {
            const std::int64_t panel = i / blocks * kPanelGroup;
            const std::int64_t row = block_begin(i % blocks);
            LinearTask part = task;
            part.rows = block_begin(i % blocks + 1) - row;
            part.x = slab + row * steps;
            part.out = out + (first + row) * task.out_stride;
            products.blocked(part, panel, std::min(panel + kPanelGroup, panels), workers + worker * kBlockedStride);
          }
        });
  }
}

// By whole numbers, which have no infinities and NaNs: a row that holds one goes through floats.
void words(const KernelCall& call, const Kernels& kernels, LinearTask task, std::int64_t panels) {
  if (linear_integer(call, kernels, *kernels.words, task)) return;
  const Rows x_rows(call.in[0]);
  const std::int64_t count = task.rows;
  std::uint8_t* out = task.out;
  task.rows = 1;
  for (std::int64_t r = 0; r < count; ++r) {
    constexpr std::uint16_t kNotFinite = 0x7F80;
    const std::span row(reinterpret_cast<const std::uint16_t*>(x_rows.at(r)), static_cast<std::size_t>(task.weight.k));
    if (std::ranges::none_of(row, [](std::uint16_t x) { return (x & kNotFinite) == kNotFinite; })) continue;
    task.out = out + r * task.out_stride;
    few_rows(call, kernels.rows, kernels.floats, task, panels, r);
  }
}

}  // namespace

bool accepts_linear(const KernelCall& call) { return is_activation(call.in[0]) && is_activation(call.out[0]); }

std::size_t linear_scratch(const KernelCall& call, int threads) {
  if (takes_integers(call)) return linear_integer_scratch(call, threads);
  const std::int64_t rows = row_count(call.in[0]);
  const std::int64_t depth = row_length(call.in[0]);
  const std::int64_t floats = rows <= kDirectRows
                                  ? 2 * slab_floats(rows, depth)
                                  : slab_floats(std::min(rows, kSlabRows), depth) + kBlockedStride * threads;
  return std::max({static_cast<std::size_t>(floats) * sizeof(float), linear_tiles_scratch(call, threads),
                   may_take_words(call) ? linear_integer_scratch(call, threads) : 0});
}

void linear(const KernelCall& call, const Kernels& kernels) {
  const Rows out_rows(call.out[0]);
  LinearTask task{};
  task.weight = panel_weight(call.in[1]);
  task.rows = row_count(call.out[0]);
  task.bias = call.in.size() > 2 ? call.in[2].as<const float>() : nullptr;
  task.out = reinterpret_cast<std::uint8_t*>(out_rows.at(0));
  task.out_stride = out_rows.stride_bytes();
  task.out_element = element_of(call.out[0]);
  if (task.rows == 0 || task.weight.n == 0) return;
  if (takes_integers(call)) {
    linear_integer(call, kernels, kernels.integers, task);
    return;
  }
  const std::int64_t panels = ceil_div(task.weight.n, kPanel);
  if (kernels.words != nullptr && may_take_words(call)) return words(call, kernels, task, panels);
  // Few rows of bf16 too: tiles come from memory as they lie there. Codes of few rows are cheaper in registers.
  const ProductKernels& products = products_of(call, kernels);
  if (products.inputs == Inputs::kTiles && (task.weight.code == WeightCode::kBf16 || task.rows > kDirectRows)) {
    linear_tiles(call, products, task);
  } else if (task.rows <= kDirectRows) {
    few_rows(call, kernels.rows, products, task, panels);
  } else {
    many_rows(call, products, task, panels);
  }
}

}  // namespace firstlight::device::cpu
