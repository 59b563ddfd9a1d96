// Calls recorded once and replayed on the same buffers.
#include "firstlight/run/recording.h"

#include "firstlight/op/all.h"
#include "run/run_testing.h"
#include "run/test_device.h"
#include "testing/testing.h"

namespace firstlight::run {
namespace {

using firstlight::testing::activations;
using firstlight::testing::expect_error;
using firstlight::testing::random_tensor;
using firstlight::testing::TestDevice;

constexpr std::int64_t kWidth = 37;

HostTensor row(std::uint64_t seed) { return random_tensor(seed, {2, kWidth}); }

// (x + x) * y and what it was made of.
struct Chain {
  Session& session;
  Tensor x = session.upload(row(1));
  Tensor y = session.upload(row(2));
  Tensor result = {};

  void run() { result = multiply(session, "product", add(session, "sum", x, x), y); }
  // What run() would give for these values.
  std::vector<float> expected(std::uint64_t x_seed, std::uint64_t y_seed) const {
    std::vector<float> values = row(x_seed).values();
    const std::vector<float> other = row(y_seed).values();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = (values[i] + values[i]) * other[i];
    return values;
  }
};

TEST(Recording, ReplaysOnWhatItsOperandsHoldNow) {
  for (const bool foreign : {false, true}) {
    TestDevice device({.foreign_memory = foreign, .traces = true});
    Session session(device, activations(Format::f32));
    Chain chain{session};
    const std::unique_ptr<Recording> recording = session.record([&] { chain.run(); });
    ASSERT_NE(recording, nullptr);
    EXPECT_EQ(recording->launches(), 2);
    EXPECT_EQ(session.download(chain.result).values(), chain.expected(1, 2));
    const Counters once = session.counters();
    EXPECT_EQ(once.launches, 2);

    session.upload(row(3), chain.x);
    session.replay(*recording);
    EXPECT_EQ(session.download(chain.result).values(), chain.expected(3, 2));
    session.upload(row(4), chain.y);
    session.replay(*recording);
    EXPECT_EQ(session.download(chain.result).values(), chain.expected(3, 4));
    EXPECT_EQ(session.counters().launches, 6);
    EXPECT_EQ(session.counters().replays, 2);
    EXPECT_DOUBLE_EQ(session.counters().cost.flops, 3 * once.cost.flops);
    EXPECT_DOUBLE_EQ(session.counters().cost.bytes(), 3 * once.cost.bytes());
  }
}

// What other calls make never lies where a replay writes, and what they let go is never what a replay reads.
TEST(Recording, SharesNoMemoryWithOtherCalls) {
  TestDevice device({.traces = true});
  Session session(device, activations(Format::f32));
  Chain chain{session};
  chain.run();  // leaves blocks of the same sizes in the session's pool
  const std::unique_ptr<Recording> recording = session.record([&] { chain.run(); });
  ASSERT_NE(recording, nullptr);
  const Tensor twin = session.upload(row(5));
  std::vector<Tensor> others;
  for (int i = 0; i < 8; ++i) others.push_back(add(session, "other", twin, twin));
  session.replay(*recording);
  std::vector<float> doubled = row(5).values();
  for (float& value : doubled) value += value;
  for (const Tensor& other : others) EXPECT_EQ(session.download(other).values(), doubled);
  EXPECT_EQ(session.download(chain.result).values(), chain.expected(1, 2));
}

TEST(Recording, IsNoneWhereTheHostTakesPart) {
  TestDevice device({.traces = true});
  Session session(device, activations(Format::f32));
  Chain chain{session};
  const std::vector<std::function<void()>> with_host = {
      [&] { session.download(chain.result); },
      [&] { session.upload(row(6)); },
      [&] { session.upload(row(2), chain.y); },
      [&] { session.allocate(Format::f32, Shape{3}); },
  };
  for (const auto& step : with_host) {
    EXPECT_EQ(session.record([&] {
      chain.run();
      step();
    }),
              nullptr);
    EXPECT_EQ(session.download(chain.result).values(), chain.expected(1, 2));  // the calls ran all the same
  }
  EXPECT_NE(session.record([&] { chain.run(); }), nullptr);
}

TEST(Recording, OfAFallbackCountsIt) {
  TestDevice device({.has = [](op::Op op) { return op != op::Op::gated; }, .traces = true});
  Session session(device, activations(Format::f32));
  const Tensor x = session.upload(row(1));
  const auto recording = session.record([&] { gated(session, "act", op::UnaryKind::kSilu, x, x); });
  ASSERT_NE(recording, nullptr);
  session.replay(*recording);
  EXPECT_EQ(session.counters().fallbacks.at("gated"), 2);
}

TEST(Recording, NeedsADeviceWithTracesAndNobodyWatching) {
  TestDevice without;
  Session plain(without, activations(Format::f32));
  EXPECT_FALSE(plain.may_record());
  EXPECT_EQ(expect_error([&] { plain.record([] {}); }).category(), Category::kInternal);

  TestDevice device({.traces = true});
  Session session(device, activations(Format::f32));
  EXPECT_TRUE(session.may_record());
  Observer observer;
  {
    const Attached attached(session, observer);
    EXPECT_FALSE(session.may_record());
  }
  session.set_tracing(false);
  EXPECT_FALSE(session.may_record());
  session.set_tracing(true);
  EXPECT_TRUE(session.may_record());
  session.record([&] { EXPECT_FALSE(session.may_record()); });
}

TEST(Recording, AnErrorEndsIt) {
  TestDevice device({.traces = true});
  Session session(device, activations(Format::f32));
  Chain chain{session};
  const Tensor odd = session.upload(random_tensor(9, {5}));
  EXPECT_EQ(expect_error([&] {
              session.record([&] {
                chain.run();
                multiply(session, "wrong", chain.x, odd);
              });
            }).category(),
            Category::kInternal);
  EXPECT_TRUE(session.may_record());
  EXPECT_NE(session.record([&] { chain.run(); }), nullptr);
  EXPECT_EQ(session.download(chain.result).values(), chain.expected(1, 2));
}

}  // namespace
}  // namespace firstlight::run
