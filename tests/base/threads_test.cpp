// The executor: every index once, no worker shared, errors brought home, and many calls in a row.
#include "firstlight/base/threads.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace firstlight {
namespace {

TEST(Executor, CoversEveryIndexOnceInRangesOfTheGrain) {
  for (const int threads : {1, 2, 3, 8}) {
    Executor executor(threads);
    EXPECT_EQ(executor.threads(), threads);
    for (const std::int64_t count : {0, 1, 2, 7, 64, 1000}) {
      for (const std::int64_t grain : {0, 1, 3, 64, 5000}) {
        std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
        std::atomic<int> bad{0};
        const std::int64_t step = std::max<std::int64_t>(1, grain);
        executor.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end, int worker) {
          if (worker < 0 || worker >= threads) ++bad;
          if (begin % step != 0 || end <= begin || (end - begin != step && end != count)) ++bad;
          for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
        });
        EXPECT_EQ(bad, 0);
        for (const auto& visit : visits) ASSERT_EQ(visit, 1) << threads << " " << count << " " << grain;
      }
    }
  }
}

TEST(Executor, NeverRunsOneWorkerTwiceAtOnce) {
  Executor executor(4);
  std::atomic<int> inside[4] = {};
  std::atomic<int> collisions{0};
  executor.parallel_for(5000, 1, [&](std::int64_t, std::int64_t, int worker) {
    if (inside[worker].fetch_add(1) != 0) ++collisions;
    inside[worker].fetch_sub(1);
  });
  EXPECT_EQ(collisions, 0);
}

TEST(Executor, UsesOtherThreadsThanTheCaller) {
  Executor executor(3);
  std::atomic<int> workers_in{0};
  // Three ranges that wait for each other end only if three threads run them.
  executor.parallel_for(3, 1, [&](std::int64_t, std::int64_t, int) {
    ++workers_in;
    while (workers_in < 3) std::this_thread::yield();
  });
  EXPECT_EQ(workers_in, 3);
}

TEST(Executor, ServesWorkersThatSleepThatDozeOffAndThatAreAwake) {
  for (const int threads : {2, 3, 9}) {
    Executor executor(threads);
    std::int64_t sum = 0;
    for (int call = 0; call < 300; ++call) {
      std::this_thread::sleep_for(std::chrono::microseconds(call % 5 * 50));
      std::vector<std::int64_t> slots(3);  // plain: a range that ran late would be missed, or written after its end
      executor.parallel_for(
          3, 1, [&](std::int64_t begin, std::int64_t, int) { slots[static_cast<std::size_t>(begin)] = begin + 1; });
      for (const std::int64_t slot : slots) sum += slot;
    }
    EXPECT_EQ(sum, 300 * 6);
  }
}

TEST(Executor, RethrowsAnErrorAfterTheOtherRangesHaveEnded) {
  for (const int threads : {1, 2, 5}) {
    Executor executor(threads);
    std::atomic<int> running{0};
    EXPECT_THROW(executor.parallel_for(100, 1,
                                       [&](std::int64_t begin, std::int64_t, int) {
                                         if (begin == 37) throw std::out_of_range("range 37");
                                         ++running;
                                         std::this_thread::yield();
                                         --running;
                                       }),
                 std::out_of_range);
    EXPECT_EQ(running, 0);
    // Every range throws: one error comes out, and the executor still works.
    EXPECT_THROW(executor.parallel_for(100, 1, [](std::int64_t, std::int64_t, int) { throw std::runtime_error("x"); }),
                 std::runtime_error);
    std::atomic<int> sum{0};
    executor.parallel_for(10, 1, [&](std::int64_t begin, std::int64_t, int) { sum += static_cast<int>(begin); });
    EXPECT_EQ(sum, 45);
  }
}

TEST(Executor, PassesTheBodyByReference) {
  Executor executor(2);
  struct Body {
    std::unique_ptr<std::atomic<int>> count = std::make_unique<std::atomic<int>>(0);  // cannot be copied
    void operator()(std::int64_t begin, std::int64_t end, int) const { *count += static_cast<int>(end - begin); }
  };
  const Body body;
  executor.parallel_for(100, 7, body);
  EXPECT_EQ(*body.count, 100);
}

TEST(Executor, SurvivesManySmallCalls) {
  constexpr int kCalls = 2000;
  for (const int threads : {2, 4}) {
    Executor executor(threads);
    std::int64_t total = 0;  // plain: written by one range of each call, read after it
    std::vector<std::int64_t> slots(8);
    for (int call = 0; call < kCalls; ++call) {
      executor.parallel_for(
          8, 1, [&](std::int64_t begin, std::int64_t, int) { slots[static_cast<std::size_t>(begin)] += begin; });
      if (call % 512 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));  // lets the workers fall asleep
    }
    for (const std::int64_t slot : slots) total += slot;
    EXPECT_EQ(total, 28 * kCalls);
  }
}

TEST(Executor, ComesAndGoes) {
  for (int i = 0; i < 200; ++i) {
    Executor executor(1 + i % 5);
    std::atomic<std::int64_t> sum{0};
    if (i % 2 == 0)
      executor.parallel_for(20, 3, [&](std::int64_t begin, std::int64_t end, int) { sum += end - begin; });
    ASSERT_EQ(sum, i % 2 == 0 ? 20 : 0);
  }
  EXPECT_EQ(Executor(0).threads(), 1);
  EXPECT_GE(available_cores(), 1);
}

TEST(Executor, TakesAGrainOfAnySize) {
  Executor executor(2);
  std::int64_t seen = 0;
  executor.parallel_for(5, std::numeric_limits<std::int64_t>::max(),
                        [&](std::int64_t begin, std::int64_t end, int) { seen += end - begin; });
  EXPECT_EQ(seen, 5);
}

}  // namespace
}  // namespace firstlight
