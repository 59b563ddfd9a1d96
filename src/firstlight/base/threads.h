// The one thread pool: a fixed set of workers that run index ranges. Work is split over outputs, so results do not
// depend on the number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace firstlight {

// Runs ranges in parallel. Not reentrant: a body must not call parallel_for on the same executor.
class Executor {
 public:
  // `threads` >= 1, the calling thread included.
  explicit Executor(int threads);
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  ~Executor();

  int threads() const { return threads_; }

  // Calls body(begin, end, worker) over disjoint ranges that cover [0, count), each a multiple of `grain` long but the
  // last. `worker` is in [0, threads()). A worker's ranges follow one another in a part of its own; one that becomes
  // free takes from the ends of the others' parts. An exception in a body is rethrown here after all ranges have ended.
  // Bodies are passed by reference and not copied; nothing is allocated.
  template <typename Body>
  void parallel_for(std::int64_t count, std::int64_t grain, Body&& body) {
    run(
        count, grain,
        [](void* context, std::int64_t begin, std::int64_t end, int worker) {
          (*static_cast<std::remove_reference_t<Body>*>(context))(begin, end, worker);
        },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  using RangeFunction = void (*)(void* context, std::int64_t begin, std::int64_t end, int worker);
  void run(std::int64_t count, std::int64_t grain, RangeFunction function, void* context);

  struct Pool;
  int threads_;
  std::unique_ptr<Pool> pool_;
};

// Cores this process may run on (sched_getaffinity), at least 1.
int available_cores();

}  // namespace firstlight
