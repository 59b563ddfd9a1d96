// One word says whether there is work: the number of the job, whether it may still be entered, and how many workers are
// in it. Workers spin on it briefly, then sleep. The caller takes ranges like any worker and then closes the job, so
// that a worker which did not wake in time is not waited for. Each worker goes through a span of its own from the
// front, so that what it reads follows what it has read, and then takes from the ends of the others' spans.
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
namespace {

constexpr std::uint64_t kInside = 0x7FFF;    // workers in the job
constexpr std::uint64_t kOpen = 0x8000;      // it may be entered
constexpr std::uint64_t kNextJob = 0x10000;  // the number of the job, from here on
constexpr int kSpins = 4000;                 // some 50 us: longer than the pauses within a token
constexpr std::size_t kCacheLine = 64;

std::uint64_t job_of(std::uint64_t state) { return state / kNextJob; }

// Whether `done` came true before the patience was at its end.
template <typename Condition>
bool spin_until(const Condition& done) {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (done()) return true;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  return done();
}

}  // namespace

struct Executor::Pool {
  // Ranges [first, end) of a job that nobody has taken, as one word.
  struct alignas(kCacheLine) Span {
    static constexpr int kBits = 32;
    static constexpr std::int64_t kMost = std::int64_t{1} << 31;
    std::atomic<std::uint64_t> word{0};

    void set(std::int64_t first, std::int64_t end) {
      word.store(static_cast<std::uint64_t>(first) | static_cast<std::uint64_t>(end) << kBits,
                 std::memory_order_relaxed);
    }
    // A range, or -1 where none is left.
    std::int64_t take(bool from_front) {
      std::uint64_t seen = word.load(std::memory_order_relaxed);
      for (;;) {
        const std::uint64_t first = seen & 0xFFFFFFFFU;
        const std::uint64_t end = seen >> kBits;
        if (first >= end) return -1;
        const std::uint64_t left = from_front ? seen + 1 : seen - (std::uint64_t{1} << kBits);
        if (word.compare_exchange_weak(seen, left, std::memory_order_relaxed))
          return static_cast<std::int64_t>(from_front ? first : end - 1);
      }
    }
  };

  explicit Pool(int threads) : spans(static_cast<std::size_t>(threads)) {}

  alignas(kCacheLine) std::atomic<std::uint64_t> state{0};
  std::vector<Span> spans;  // by worker
  // Written while no worker is inside.
  alignas(kCacheLine) RangeFunction function = nullptr;
  void* context = nullptr;
  std::int64_t count = 0;
  std::int64_t grain = 1;

  std::mutex mutex;
  std::condition_variable start;
  std::condition_variable done;
  std::atomic<int> sleepers{0};
  std::atomic<bool> stop{false};
  std::exception_ptr error;
  std::vector<std::thread> workers;

  void run_range(std::int64_t range, int worker) {
    const std::int64_t begin = range * grain;
    try {
      function(context, begin, begin + std::min(grain, count - begin), worker);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
    }
  }

  void claim_ranges(int worker) {
    const std::size_t own = static_cast<std::size_t>(worker);
    for (std::size_t i = 0; i < spans.size(); ++i) {
      Span& span = spans[(own + i) % spans.size()];
      for (std::int64_t range = span.take(i == 0); range >= 0; range = span.take(i == 0)) run_range(range, worker);
    }
  }

  // Either the sleeper sees the new job or open_job() sees the sleeper: both write first and then read, in one order.
  void sleep_until_after(std::uint64_t job) {
    std::unique_lock lock(mutex);
    sleepers.fetch_add(1);
    start.wait(lock, [&] { return job_of(state.load()) != job; });
    sleepers.fetch_sub(1);
  }

  void open_job() {
    state.store((job_of(state.load(std::memory_order_relaxed)) + 1) * kNextJob + kOpen);
    if (sleepers.load() == 0) return;
    { const std::lock_guard lock(mutex); }  // none is between its look at the job and its sleep
    start.notify_all();
  }

  void close_job() {
    state.fetch_and(~kOpen, std::memory_order_acq_rel);
    const auto empty = [&] { return (state.load(std::memory_order_acquire) & kInside) == 0; };
    if (spin_until(empty)) return;
    std::unique_lock lock(mutex);
    done.wait(lock, empty);
  }

  void work(int worker) {
    std::uint64_t job = 0;
    for (;;) {
      if (!spin_until([&] { return job_of(state.load(std::memory_order_acquire)) != job; })) sleep_until_after(job);
      std::uint64_t seen = state.load(std::memory_order_acquire);
      job = job_of(seen);
      if (stop.load(std::memory_order_relaxed)) return;
      while ((seen & kOpen) != 0 && job_of(seen) == job) {
        if (!state.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) continue;
        claim_ranges(worker);
        const std::uint64_t left = state.fetch_sub(1, std::memory_order_acq_rel) - 1;
        if ((left & (kOpen | kInside)) == 0) {
          const std::lock_guard lock(mutex);
          done.notify_one();
        }
        break;
      }
    }
  }
};

Executor::Executor(int threads)
    : threads_(std::clamp(threads, 1, static_cast<int>(kInside))), pool_(std::make_unique<Pool>(threads_)) {
  for (int worker = 1; worker < threads_; ++worker)
    pool_->workers.emplace_back([pool = pool_.get(), worker] { pool->work(worker); });
}

Executor::~Executor() {
  pool_->stop.store(true, std::memory_order_relaxed);
  pool_->open_job();
  for (std::thread& worker : pool_->workers) worker.join();
}

void Executor::run(std::int64_t count, std::int64_t grain, RangeFunction function, void* context) {
  if (count <= 0) return;
  grain = std::max<std::int64_t>(1, grain);
  if (count / grain >= Pool::Span::kMost) grain *= count / grain / Pool::Span::kMost + 1;
  if (threads_ == 1 || count <= grain) {
    for (std::int64_t begin = 0; begin < count; begin += grain)
      function(context, begin, std::min(count, begin + grain), 0);
    return;
  }
  Pool& pool = *pool_;
  pool.function = function;
  pool.context = context;
  pool.count = count;
  pool.grain = grain;
  const std::int64_t ranges = (count - 1) / grain + 1;
  for (std::int64_t worker = 0; worker < threads_; ++worker)
    pool.spans[static_cast<std::size_t>(worker)].set(ranges * worker / threads_, ranges * (worker + 1) / threads_);
  pool.open_job();
  pool.claim_ranges(0);
  pool.close_job();
  if (pool.error) std::rethrow_exception(std::exchange(pool.error, nullptr));
}

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace firstlight
