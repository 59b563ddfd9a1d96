// Observers: records of calls, taps that observe or force, what fused kernels hide.
#include "firstlight/run/observer.h"

#include <map>

#include "firstlight/op/all.h"
#include "run/run_testing.h"
#include "run/test_device.h"
#include "testing/testing.h"

namespace firstlight::run {
namespace {

using firstlight::testing::activations;
using firstlight::testing::expect_error;
using firstlight::testing::is_primitive;
using firstlight::testing::random_tensor;
using firstlight::testing::rounded;
using firstlight::testing::TestDevice;
using op::Op;

class Watcher : public Observer {
 public:
  bool wants_times() const override { return times; }
  void on_call(const CallRecord& record) override {
    keys.push_back(std::string(record.key));
    records.push_back(record);
    records.back().key = {};
  }
  bool wants(std::string_view key) const override { return forced.contains(std::string(key)) || key == watched; }
  Tensor tap(Session& session, std::string_view key, const Tensor& value) override {
    taps.emplace_back(key, session.download(value).values());
    const auto found = forced.find(std::string(key));
    return found == forced.end() ? value : session.upload(found->second);
  }

  bool times = false;
  std::string watched;
  std::map<std::string, HostTensor> forced;
  std::vector<std::string> keys;
  std::vector<CallRecord> records;
  std::vector<std::pair<std::string, std::vector<float>>> taps;
};

std::vector<float> doubled(std::vector<float> values) {
  for (float& value : values) value *= 2;
  return values;
}

TEST(Observer, HearsOfEveryCall) {
  TestDevice device;
  Session session(device, Policy());
  Watcher watcher;
  session.attach(watcher);
  session.set_phase(Phase::kDecode);
  const Tensor x = session.upload(random_tensor(1, {2, 4}));
  add(session, "layers.0", x, x);
  session.call(Op::unary, op::Unary{}, {{x}}, "layers.0", std::nullopt, true);
  session.detach(watcher);
  add(session, "layers.1", x, x);
  ASSERT_EQ(watcher.keys, (std::vector<std::string>{"layers.0", "layers.0.unary"}));
  EXPECT_EQ(watcher.records[0].op, Op::binary);
  EXPECT_EQ(watcher.records[0].phase, Phase::kDecode);
  EXPECT_EQ(watcher.records[0].cost.flops, 8);
  EXPECT_EQ(watcher.records[0].duration.count(), 0);
  EXPECT_FALSE(watcher.records[0].fallback || watcher.records[0].nested);
}

TEST(Observer, GetsTimesWhenItWantsThem) {
  TestDevice device({.has = is_primitive});
  Session session(device, Policy());
  Watcher watcher;
  watcher.times = true;
  session.attach(watcher);
  const Tensor x = session.upload(random_tensor(1, {64, 64}));
  session.call(Op::gated, op::Gated{}, {{x, x}}, "mlp");
  ASSERT_EQ(watcher.keys, (std::vector<std::string>{"mlp.unary", "mlp.binary", "mlp"}));
  for (const CallRecord& record : watcher.records) EXPECT_GT(record.duration.count(), 0);
  EXPECT_TRUE(watcher.records[0].nested && watcher.records[1].nested);
  EXPECT_TRUE(watcher.records[2].fallback && !watcher.records[2].nested);
  EXPECT_GE(watcher.records[2].duration, watcher.records[0].duration + watcher.records[1].duration);
  // The op's cost is counted once, whatever it was made of.
  EXPECT_EQ(session.counters().cost.flops, watcher.records[2].cost.flops);
}

TEST(Observer, ObservingChangesNothing) {
  TestDevice device;
  Session session(device, Policy());
  const HostTensor host = random_tensor(1, {2, 4});
  const Tensor x = session.upload(host);
  Watcher watcher;
  watcher.watched = "a";
  session.attach(watcher);
  const Tensor a = add(session, "a", x, x);
  const Tensor b = add(session, "b", a, a);
  EXPECT_EQ(session.download(b).values(), doubled(doubled(host.values())));
  ASSERT_EQ(watcher.taps.size(), 1u);
  EXPECT_EQ(watcher.taps[0].second, doubled(host.values()));
}

TEST(Observer, ForcingReplacesTheResultInThePolicysFormat) {
  TestDevice device;
  Session session(device, activations(Format::bfp8));
  const HostTensor host = random_tensor(1, {2, 16});
  const HostTensor golden = random_tensor(2, {2, 16});
  Watcher watcher;
  watcher.forced.emplace("a", golden);
  session.attach(watcher);
  const Tensor x = session.upload(host);
  const Tensor a = add(session, "a", x, x);
  EXPECT_EQ(a.format(), Format::bfp8);
  EXPECT_EQ(session.download(a).values(), rounded(golden.values(), Format::bfp8, 16));
  // What the tap did is neither counted nor told.
  EXPECT_EQ(session.counters().launches, 1);
  EXPECT_EQ(watcher.keys, (std::vector<std::string>{"a"}));
}

TEST(Observer, SeveralAreAskedInOrder) {
  TestDevice device;
  Session session(device, Policy());
  Watcher first;
  Watcher second;
  first.forced.emplace("a.binary", random_tensor(5, {1, 3}));
  second.watched = "a.binary";
  session.attach(first);
  session.attach(second);
  const Tensor x = session.upload(random_tensor(1, {1, 3}));
  const std::vector<Tensor> in{x, x};
  session.call(Op::binary, op::Binary{}, in, "a", std::nullopt, true);
  ASSERT_EQ(second.taps.size(), 1u);
  EXPECT_EQ(second.taps[0].second, random_tensor(5, {1, 3}).values());
}

// What kernels got, and what they made of it ahead of any tap; what fell back had no kernel.
TEST(Observer, IsShownOperandsOfTheLaunchesThatItWants) {
  class Shown : public Observer {
   public:
    bool wants_launch(std::string_view key) const override { return key != "other"; }
    void on_launch(Session&, const Launch& launch) override {
      std::vector<float> made(static_cast<std::size_t>(launch.call.out[0].shape.elements()));
      copy_to_f32(launch.call.out[0], made.data());
      std::vector<float> got(static_cast<std::size_t>(launch.call.in[0].shape.elements()));
      copy_to_f32(launch.call.in[0], got.data());
      calls.push_back({std::string(launch.key), launch.op, launch.stored, got, made});
    }
    struct Call {
      std::string key;
      Op op;
      Format stored;
      std::vector<float> got;
      std::vector<float> made;
    };
    std::vector<Call> calls;
  };
  TestDevice device({.has = is_primitive});
  Session session(device, activations(Format::bf16));
  const HostTensor host = random_tensor(1, {2, 16});
  Shown shown;
  Watcher forcing;
  forcing.forced.emplace("a", random_tensor(2, {2, 16}));
  session.attach(shown);
  session.attach(forcing);
  const Tensor x = session.upload(host);
  add(session, "a", x, x);
  add(session, "other", x, x);
  session.call(Op::gated, op::Gated{}, {{x, x}}, "mlp");
  ASSERT_EQ(shown.calls.size(), 1U);
  EXPECT_EQ(shown.calls[0].key, "a");
  EXPECT_EQ(shown.calls[0].op, Op::binary);
  EXPECT_EQ(shown.calls[0].stored, Format::bf16);
  EXPECT_EQ(shown.calls[0].got, host.values());
  EXPECT_EQ(shown.calls[0].made, rounded(doubled(host.values()), Format::bf16, 16));
}

TEST(Observer, ATapMayNotChangeTheShape) {
  TestDevice device;
  Session session(device, Policy());
  Watcher watcher;
  watcher.forced.emplace("a", random_tensor(5, {3, 1}));
  session.attach(watcher);
  const Tensor x = session.upload(random_tensor(1, {1, 3}));
  const Error error = expect_error([&] { add(session, "a", x, x); });
  EXPECT_EQ(error.category(), Category::kInternal);
  EXPECT_EQ(error.where(), "a");
}

// A kernel that hides a primitive's result is not used while someone wants that result.
class FusedDevice : public TestDevice {
 public:
  FusedDevice() {
    kernels_.assign(TestDevice::kernels().begin(), TestDevice::kernels().end());
    for (device::KernelRow& kernel : kernels_)
      if (kernel.op == Op::gated) kernel.hides = "other,unary";
  }
  std::span<const device::KernelRow> kernels() const override { return kernels_; }

 private:
  std::vector<device::KernelRow> kernels_;
};

TEST(Observer, WantingAHiddenKeyRunsTheUnfusedPath) {
  FusedDevice device;
  Session session(device, Policy());
  const HostTensor host = random_tensor(1, {2, 4});
  const Tensor x = session.upload(host);
  Watcher watcher;
  session.attach(watcher);
  session.call(Op::gated, op::Gated{op::UnaryKind::kRelu}, {{x, x}}, "mlp");
  EXPECT_TRUE(session.counters().fallbacks.empty());
  watcher.watched = "mlp.unary";
  const Tensor result = session.call(Op::gated, op::Gated{op::UnaryKind::kRelu}, {{x, x}}, "mlp");
  EXPECT_EQ(session.counters().fallbacks.at("gated"), 1);
  ASSERT_EQ(watcher.taps.size(), 1u);
  std::vector<float> relu = host.values();
  for (float& value : relu) value = std::max(value, 0.0F);
  EXPECT_EQ(watcher.taps[0].second, relu);
  for (float& value : relu) value *= value;
  EXPECT_EQ(session.download(result).values(), relu);
}

}  // namespace
}  // namespace firstlight::run
