// Workers wait for a generation number to change, spin briefly, then sleep; ranges are claimed from one counter.
#include "firstlight/base/threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace firstlight {

struct Executor::Pool {
  std::mutex mutex;
  std::condition_variable start;
  std::condition_variable done;
  std::atomic<std::uint64_t> generation{0};
  std::atomic<int> running{0};
  std::atomic<bool> stop{false};

  RangeFunction function = nullptr;
  void* context = nullptr;
  std::int64_t count = 0;
  std::int64_t grain = 1;
  std::atomic<std::int64_t> next{0};
  std::exception_ptr error;
  std::vector<std::thread> workers;

  void claim_ranges(int worker) {
    for (;;) {
      const std::int64_t begin = next.fetch_add(grain, std::memory_order_relaxed);
      if (begin >= count) return;
      try {
        function(context, begin, std::min(count, begin + grain), worker);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
      }
    }
  }

  void work(int worker) {
    std::uint64_t seen = 0;
    for (;;) {
      for (int spin = 0; spin < 4000 && generation.load(std::memory_order_acquire) == seen; ++spin) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
      }
      if (generation.load(std::memory_order_acquire) == seen) {
        std::unique_lock lock(mutex);
        start.wait(lock, [&] { return generation.load(std::memory_order_relaxed) != seen; });
      }
      seen = generation.load(std::memory_order_acquire);
      if (stop.load(std::memory_order_relaxed)) return;
      claim_ranges(worker);
      if (running.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        const std::lock_guard lock(mutex);
        done.notify_one();
      }
    }
  }
};

Executor::Executor(int threads) : threads_(std::max(1, threads)), pool_(std::make_unique<Pool>()) {
  for (int worker = 1; worker < threads_; ++worker)
    pool_->workers.emplace_back([pool = pool_.get(), worker] { pool->work(worker); });
}

Executor::~Executor() {
  {
    const std::lock_guard lock(pool_->mutex);
    pool_->stop.store(true, std::memory_order_relaxed);
    pool_->generation.fetch_add(1, std::memory_order_release);
  }
  pool_->start.notify_all();
  for (std::thread& worker : pool_->workers) worker.join();
}

void Executor::run(std::int64_t count, std::int64_t grain, RangeFunction function, void* context) {
  if (count <= 0) return;
  grain = std::max<std::int64_t>(1, grain);
  if (threads_ == 1 || count <= grain) {
    for (std::int64_t begin = 0; begin < count; begin += grain)
      function(context, begin, std::min(count, begin + grain), 0);
    return;
  }
  Pool& pool = *pool_;
  {
    const std::lock_guard lock(pool.mutex);
    pool.function = function;
    pool.context = context;
    pool.count = count;
    pool.grain = grain;
    pool.next.store(0, std::memory_order_relaxed);
    pool.error = nullptr;
    pool.running.store(threads_ - 1, std::memory_order_relaxed);
    pool.generation.fetch_add(1, std::memory_order_release);
  }
  pool.start.notify_all();
  pool.claim_ranges(0);
  for (int spin = 0; spin < 4000 && pool.running.load(std::memory_order_acquire) != 0; ++spin) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  if (pool.running.load(std::memory_order_acquire) != 0) {
    std::unique_lock lock(pool.mutex);
    pool.done.wait(lock, [&] { return pool.running.load(std::memory_order_acquire) == 0; });
  }
  if (pool.error) std::rethrow_exception(std::exchange(pool.error, nullptr));
}

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace firstlight
