// Measured peaks: how fast all threads together read memory, and multiply and add in registers.
#include <fmt/format.h>
#include <hwloc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <new>

#include "firstlight/device/cpu/device.h"

namespace firstlight::device::cpu {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Bytes of all last-level caches together, 32 MiB where hwloc does not know.
std::size_t cache_bytes() {
  constexpr std::size_t kUnknown = std::size_t{32} << 20;
  hwloc_topology_t topology = nullptr;
  if (hwloc_topology_init(&topology) != 0) return kUnknown;
  std::size_t bytes = 0;
  if (hwloc_topology_load(topology) == 0) {
    for (hwloc_obj_t cache = nullptr;
         (cache = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_L3CACHE, cache)) != nullptr;)
      bytes += cache->attr->cache.size;
  }
  hwloc_topology_destroy(topology);
  return bytes == 0 ? kUnknown : bytes;
}

// A buffer of which no cache holds much (of four times the last level it was seen to keep a tenth): sixteen times that,
// but at most 1 GiB and an eighth of what is free.
std::size_t stream_bytes(std::size_t available) {
  constexpr std::size_t kLeast = std::size_t{64} << 20;
  constexpr std::size_t kMost = std::size_t{1} << 30;
  return std::min({std::max(16 * cache_bytes(), kLeast), kMost, available / 8});
}

constexpr std::int64_t kChunkFloats = 1 << 16;  // 256 KiB: what a worker claims at a time

double read_bandwidth(Executor& executor, const Kernels& kernels, std::size_t bytes, double seconds) {
  const std::int64_t chunks = static_cast<std::int64_t>(bytes / sizeof(float)) / kChunkFloats;
  if (chunks == 0) return 0;
  const std::unique_ptr<float[]> data(new (std::nothrow) float[static_cast<std::size_t>(chunks * kChunkFloats)]);
  if (data == nullptr) return 0;
  std::atomic<float> sink = 0;
  const auto pass = [&](bool fill) {
    executor.parallel_for(chunks, 1, [&](std::int64_t begin, std::int64_t end, int) {
      float* part = data.get() + begin * kChunkFloats;
      const std::int64_t n = (end - begin) * kChunkFloats;
      if (fill) {
        std::fill_n(part, n, 1.0F);
      } else {
        sink.store(kernels.rows.stream_sum(part, n), std::memory_order_relaxed);
      }
    });
  };
  pass(true);
  pass(false);
  const Clock::time_point start = Clock::now();
  double read = 0;
  do {
    pass(false);
    read += static_cast<double>(chunks * kChunkFloats) * sizeof(float);
  } while (seconds_since(start) < seconds);
  return read / seconds_since(start);
}

// Rounds on every worker at once until the time is over.
template <typename Rounds>
double flops(Executor& executor, double seconds, const Rounds& rounds) {
  constexpr std::int64_t kRounds = 20000;
  std::atomic<double> total = 0;
  const Clock::time_point start = Clock::now();
  executor.parallel_for(executor.threads(), 1, [&](std::int64_t, std::int64_t, int) {
    float value = 0.5F;
    double done = 0;
    while (seconds_since(start) < seconds) done += rounds(kRounds, &value);
    total.fetch_add(done);
  });
  return total.load() / seconds_since(start);
}

}  // namespace

Peaks CpuDevice::peaks(double seconds) {
  Peaks peaks;
  const std::size_t bytes = stream_bytes(available_bytes());
  peaks.read_bandwidth = read_bandwidth(executor(), *isa_.kernels, bytes, seconds);
  const Kernels& kernels = *isa_.kernels;
  const bool own_bf16 = &kernels.bf16 != &kernels.floats;
  peaks.flops_f32 = flops(executor(), seconds, kernels.floats.rounds);
  peaks.flops_bf16 = own_bf16 ? flops(executor(), seconds, kernels.bf16.rounds) : peaks.flops_f32;
  peaks.origin = fmt::format("measured with {} threads: reads of {} MiB, {} multiply-adds{}", executor().threads(),
                             bytes >> 20, isa_.name, own_bf16 ? ", products of bf16" : "");
  return peaks;
}

}  // namespace firstlight::device::cpu
