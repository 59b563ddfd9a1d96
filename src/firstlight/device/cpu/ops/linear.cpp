// x W + bias: rows of x as floats, the panels of W split over the workers.
#include "firstlight/op/linear.h"

#include "firstlight/device/cpu/ops/ops.h"
#include "firstlight/device/cpu/ops/support.h"
#include "firstlight/device/cpu/pack.h"

namespace firstlight::device::cpu {
namespace {

constexpr std::int64_t kSlabRows = 4 * kRowBlock;  // rows whose floats are in scratch at a time
constexpr std::int64_t kGrainWork = 1 << 16;       // multiply-adds that are worth a worker's while
constexpr std::int64_t kDirectGrain = 8;           // panels: a multiple of what every ISA keeps in flight

// Whether x can be read in place: f32, with rows one stride apart.
bool in_place(const View& x, const Rows& rows) {
  return x.format == Format::f32 && rows.uniform() && rows.stride_bytes() % 4 == 0;
}

std::int64_t slab_floats(const View& x) { return round_up(std::min(row_count(x), kSlabRows) * row_length(x), 16); }

}  // namespace

bool accepts_linear(const KernelCall& call) { return is_activation(call.in[0]) && is_activation(call.out[0]); }

std::size_t linear_scratch(const KernelCall& call, int threads) {
  const View& x = call.in[0];
  std::int64_t floats = in_place(x, Rows(x)) ? 0 : slab_floats(x);
  if (row_count(x) > kDirectRows) floats += kBlockedFloats * threads;
  return static_cast<std::size_t>(floats) * sizeof(float);
}

void linear(const KernelCall& call, const Kernels& kernels) {
  const View& x = call.in[0];
  const Rows x_rows(x);
  const Rows out_rows(call.out[0]);
  const std::int64_t count = row_count(call.out[0]);
  const std::int64_t depth = row_length(x);
  const bool direct_x = in_place(x, x_rows);
  auto* scratch = reinterpret_cast<float*>(call.context.scratch.data());
  float* slab = scratch;
  float* workers = scratch + (direct_x ? 0 : slab_floats(x));
  Executor& executor = *call.context.executor;

  LinearTask task{};
  task.weight = panel_weight(call.in[1]);
  task.bias = call.in.size() > 2 ? call.in[2].as<const float>() : nullptr;
  task.out_stride = out_rows.stride_bytes();
  task.out_element = element_of(call.out[0]);
  const std::int64_t panels = ceil_div(task.weight.n, kPanel);
  const std::int64_t panel_work = std::max<std::int64_t>(1, depth * kPanel);

  for (std::int64_t first = 0; first < count; first += kSlabRows) {
    task.rows = std::min(kSlabRows, count - first);
    task.out = reinterpret_cast<std::uint8_t*>(out_rows.at(first));
    if (direct_x) {
      task.x = reinterpret_cast<const float*>(x_rows.at(first));
      task.x_stride = x_rows.stride_bytes() / 4;
    } else {
      for_rows(call, task.rows, depth, [&](std::int64_t r, int) {
        kernels.convert(x_rows.source(first + r), f32_sink(slab + r * depth), depth);
      });
      task.x = slab;
      task.x_stride = depth;
    }
    if (task.rows <= kDirectRows) {
      const std::int64_t fair = panels / (executor.threads() * 8);
      const std::int64_t grain = std::max(fair, kGrainWork / (panel_work * task.rows));
      executor.parallel_for(
          panels, round_up(std::max<std::int64_t>(1, grain), kDirectGrain),
          [&](std::int64_t begin, std::int64_t end, int) { kernels.linear_direct(task, begin, end); });
      continue;
    }
    // Tasks are (group of panels, block of rows), the blocks of a group one after the other.
    const std::int64_t groups = ceil_div(panels, kPanelGroup);
    const std::int64_t blocks = ceil_div(task.rows, kRowBlock);
    const std::int64_t work = panel_work * kPanelGroup * std::min(task.rows, kRowBlock);
    executor.parallel_for(groups * blocks, std::max<std::int64_t>(1, kGrainWork / work),
                          [&](std::int64_t begin, std::int64_t end, int worker) {
                            for (std::int64_t i = begin; i < end; ++i) {
                              const std::int64_t panel = i / blocks * kPanelGroup;
                              const std::int64_t row = i % blocks * kRowBlock;
                              LinearTask part = task;
                              part.x += row * task.x_stride;
                              part.out += row * task.out_stride;
                              part.rows = std::min(kRowBlock, task.rows - row);
                              kernels.linear_blocked(part, panel, std::min(panel + kPanelGroup, panels),
                                                     workers + worker * kBlockedFloats);
                            }
                          });
  }
}

}  // namespace firstlight::device::cpu
