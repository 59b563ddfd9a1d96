// The choke point: values and formats, transfers, pooling, kernel settings, observers.
#include "firstlight/run/session.h"

#include "firstlight/op/all.h"
#include "run/run_testing.h"
#include "run/test_device.h"
#include "testing/testing.h"

namespace firstlight::run {
namespace {

using firstlight::testing::activations;
using firstlight::testing::expect_error;
using firstlight::testing::integers;
using firstlight::testing::random_tensor;
using firstlight::testing::rounded;
using firstlight::testing::TestDevice;
using op::Op;

constexpr Format kFloats[] = {Format::f32, Format::f16, Format::bf16, Format::bfp8, Format::bfp4, Format::bfp2};

std::vector<float> product(const HostTensor& a, const HostTensor& b) {
  std::vector<float> values = a.values();
  const std::vector<float> other = b.values();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] *= other[i];
  return values;
}

HostTensor encoded(const HostTensor& plain, Format format) {
  HostTensor result(format, plain.shape());
  copy_from_f32(plain.f32().data(), result.view());
  return result;
}

TEST(Session, ResultsHaveThePolicysFormat) {
  TestDevice device;
  const HostTensor a = random_tensor(1, {5, 37});
  const HostTensor b = random_tensor(2, {5, 37});
  for (const Format format : kFloats) {
    Session session(device, activations(format));
    const Tensor result = multiply(session, "x", session.upload(a), session.upload(b));
    EXPECT_EQ(result.format(), format);
    EXPECT_EQ(session.download(result).values(), rounded(product(a, b), format, 37)) << format_name(format);
    // An op's own format goes before the policy's.
    const Tensor same = copy(session, "x", session.upload(a), Format::f32);
    EXPECT_EQ(same.format(), Format::f32);
    EXPECT_EQ(session.download(same).values(), a.values());
  }
}

TEST(Session, FormatsGoByKey) {
  PolicyRules rules;
  rules.base.groups[Group::kActivation] = Format::bf16;
  rules.layers[1].groups[Group::kActivation] = Format::bfp8;
  rules.keys.push_back({"layers.1.exact", std::nullopt, Format::f32});
  TestDevice device;
  Session session(device, Policy(rules));
  const Tensor x = session.upload(random_tensor(1, {2, 16}));
  for (int repeat = 0; repeat < 2; ++repeat) {
    EXPECT_EQ(unary(session, "layers.0.act", op::UnaryKind::kRelu, x).format(), Format::bf16);
    EXPECT_EQ(unary(session, "layers.1.act", op::UnaryKind::kRelu, x).format(), Format::bfp8);
    EXPECT_EQ(unary(session, "layers.1.exact", op::UnaryKind::kRelu, x).format(), Format::f32);
  }
}

TEST(Session, IntegersComeBackExactly) {
  TestDevice device;
  Session session(device, activations(Format::bf16));
  const HostTensor back = session.download(session.upload(integers({16777217, -3, 5}, {3})));  // 2^24 + 1 is no f32
  ASSERT_EQ(back.format(), Format::i32);
  EXPECT_EQ(back.view().as<std::int32_t>()[0], 16777217);
  EXPECT_EQ(back.view().as<std::int32_t>()[1], -3);
}

// A format that the device does not store: f32 in its place, with the format's values.
TEST(Session, FormatsThatTheDeviceLacksAreRoundedTo) {
  for (const bool copies : {true, false}) {
    for (const bool foreign : {true, false}) {
      TestDevice device(
          {.stores = [](Format format) { return format == Format::f32; }, .copies = copies, .foreign_memory = foreign});
      const HostTensor a = random_tensor(1, {3, 2, 37});
      const HostTensor b = random_tensor(2, {3, 2, 37});
      for (const Format format : kFloats) {
        Session session(device, activations(format));
        const Tensor result = multiply(session, "x", session.upload(a), session.upload(b));
        EXPECT_EQ(result.format(), Format::f32);
        EXPECT_EQ(result.values(), format);
        EXPECT_EQ(result.rows(1, 2).values(), format);
        EXPECT_EQ(session.download(result).values(), rounded(product(a, b), format, 37)) << format_name(format);

        const Tensor uploaded = session.upload(encoded(a, format));
        EXPECT_EQ(uploaded.format(), Format::f32);
        EXPECT_EQ(session.download(uploaded).values(), rounded(a.values(), format, 37));
      }
    }
  }
}

// What is counted does not depend on which formats the device stores.
TEST(Session, CostsGoByThePolicysFormats) {
  TestDevice full;
  TestDevice poor({.stores = [](Format format) { return format == Format::f32; }});
  op::Cost costs[2];
  TestDevice* devices[] = {&full, &poor};
  for (int i = 0; i < 2; ++i) {
    Session session(*devices[i], activations(Format::bfp8));
    const Tensor x = copy(session, "x", session.upload(random_tensor(1, {4, 64})), Format::bf16);
    unary(session, "x", op::UnaryKind::kSilu, x);
    costs[i] = session.counters().cost;
  }
  EXPECT_GT(costs[0].activation_bytes, 0);
  EXPECT_EQ(costs[0].activation_bytes, costs[1].activation_bytes);
  EXPECT_EQ(costs[0].flops, costs[1].flops);
}

TEST(Session, StateInAFormatThatTheDeviceLacksHoldsItsValues) {
  for (const bool stores : {true, false}) {
    TestDevice device({.stores = [stores](Format format) { return stores || format == Format::f32; }});
    Session session(device, Policy());
    const Tensor cache = session.allocate(Format::bfp4, {2, 2, 4, 20});
    EXPECT_EQ(session.download(cache).values(), std::vector<float>(2 * 2 * 4 * 20, 0));
    const HostTensor x = random_tensor(3, {1, 2, 20});
    const Tensor zero = session.upload(integers({0}, {1}));
    const Tensor table = session.upload(integers({1, 0}, {1, 2}));
    cache_append(session, "k", session.upload(x), cache, zero, zero, table);
    const HostTensor back =
        session.download(session.call(Op::cache_gather, op::CacheGather{0, 1}, {{cache, table}}, "k", Format::f32));
    EXPECT_EQ(back.values(), rounded(x.values(), Format::bfp4, 20));
  }
}

TEST(Session, TransfersAnyLayout) {
  for (const bool foreign : {false, true}) {
    TestDevice device({.foreign_memory = foreign});
    Session session(device, Policy());
    const HostTensor x = random_tensor(1, {6, 40});
    for (const Format format : kFloats) {
      const Tensor whole = session.upload(encoded(x, format));
      EXPECT_EQ(session.download(whole).values(), rounded(x.values(), format, 40)) << format_name(format);
      const Tensor rows = whole.rows(2, 5);
      EXPECT_EQ(session.download(rows).shape(), Shape({3, 40}));
      session.upload(encoded(random_tensor(9, {3, 40}), format), rows);
      EXPECT_EQ(session.download(rows).values(), rounded(random_tensor(9, {3, 40}).values(), format, 40));
    }
    // A strided part is written without touching its neighbours.
    const Tensor whole = session.upload(x);
    session.upload(HostTensor(Format::f32, {6, 3}), whole.columns(7, 10));
    std::vector<float> expected = x.values();
    for (int r = 0; r < 6; ++r) std::fill_n(expected.begin() + r * 40 + 7, 3, 0.0F);
    EXPECT_EQ(session.download(whole).values(), expected);
    EXPECT_EQ(session.download(whole.columns(6, 8)).values()[0], expected[6]);
    const Tensor ids = session.upload(integers({1, 2, 3, 4, 5, 6}, {2, 3}));
    EXPECT_EQ(session.download(ids.columns(1, 2)).view().as<std::int32_t>()[1], 5);
    EXPECT_EQ(session.download(session.upload(HostTensor(Format::f32, {0, 4}))).shape(), Shape({0, 4}));
  }
}

TEST(Session, TransfersTiles) {
  for (const bool foreign : {false, true}) {
    TestDevice device({.foreign_memory = foreign, .tiled = true});
    Session session(device, Policy());
    for (const Shape& shape : {Shape{5}, Shape{33, 40}, Shape{2, 3, 5, 64}, Shape{64, 32}, Shape{0, 3}}) {
      const HostTensor x = random_tensor(1, shape);
      for (const Format format : kFloats) {
        const Tensor tensor = session.upload(encoded(x, format));
        EXPECT_EQ(tensor.view().layout, Layout::kTiled);
        EXPECT_EQ(session.download(tensor).values(), rounded(x.values(), format, shape[-1]))
            << shape.str() << ' ' << format_name(format);
      }
    }
  }
}

TEST(Session, UploadIntoWantsTheSameShapeAndFormat) {
  TestDevice device;
  Session session(device, Policy());
  const Tensor tensor = session.upload(random_tensor(1, {2, 3}));
  EXPECT_EQ(expect_error([&] { session.upload(random_tensor(1, {3, 2}), tensor); }).category(), Category::kInternal);
  EXPECT_EQ(expect_error([&] {
              session.upload(integers({1, 2, 3, 4, 5, 6}, {2, 3}), tensor);
            }).category(),
            Category::kInternal);
}

TEST(Session, ResultsAreAllocatedOnce) {
  TestDevice device;
  Session session(device, activations(Format::bf16));
  const Tensor x = session.upload(random_tensor(1, {1, 4096}));
  const auto step = [&] {
    Tensor y = x;
    for (int layer = 0; layer < 8; ++layer)
      y = add(session, "layers.0", y, unary(session, "act", op::UnaryKind::kSilu, y));
    return session.download(y);
  };
  step();
  const int before = device.allocations();
  const std::size_t peak = session.peak_activation_bytes();
  const HostTensor first = step();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(step().values(), first.values());
  EXPECT_EQ(device.allocations(), before);
  EXPECT_EQ(session.peak_activation_bytes(), peak);
  EXPECT_GE(peak, 3u * 4096 * 2);  // three results live at once
  EXPECT_LE(peak, 5u * 4096 * 2);
}

TEST(Session, ATensorMayOutliveItsSession) {
  TestDevice device;
  Tensor kept;
  {
    Session session(device, Policy());
    kept = unary(session, "x", op::UnaryKind::kRelu, session.upload(HostTensor::from(std::vector<float>{-1, 2}, {2})));
  }
  EXPECT_EQ(kept.view().as<float>()[1], 2);
}

TEST(Session, ADeviceThatDoesNotComputeLeavesZeros) {
  TestDevice device({.computes = false});
  Session session(device, activations(Format::bfp8));
  const Tensor x = session.upload(random_tensor(1, {2, 32}));
  EXPECT_NE(session.download(x).values()[0], 0);
  EXPECT_EQ(session.allocate(Format::bf16, {2, 2}).shape(), Shape({2, 2}));
}

TEST(Session, CountsLaunchesAndCosts) {
  TestDevice device;
  Session session(device, Policy());
  const Tensor x = session.upload(random_tensor(1, {3, 8}));
  add(session, "x", x, x);
  matmul(session, "y", x.reshaped({1, 3, 8}), x.reshaped({1, 3, 8}), true);
  EXPECT_EQ(session.counters().launches, 2);
  EXPECT_EQ(session.counters().cost.flops, 3 * 8 + 2 * 3 * 3 * 8);
  EXPECT_TRUE(session.counters().fallbacks.empty());
  session.reset_counters();
  EXPECT_EQ(session.counters().launches, 0);
}

TEST(Session, WrongOperandsNameTheComponent) {
  TestDevice device;
  Session session(device, Policy());
  const Tensor x = session.upload(random_tensor(1, {2, 3}));
  const Tensor y = session.upload(random_tensor(1, {2, 4}));
  const Error error = expect_error([&] { add(session, "model.layers.3", x, y); });
  EXPECT_EQ(error.category(), Category::kInternal);
  EXPECT_NE(std::string(error.what()).find("model.layers.3"), std::string::npos);
  EXPECT_NE(std::string(error.what()).find("[2, 4]"), std::string::npos);
}

TEST(Session, MissingKernelsAreNamed) {
  TestDevice device({.has = [](Op op) { return op != Op::unary; }});
  Session session(device, Policy());
  const Tensor x = session.upload(random_tensor(1, {2, 4}));
  const Error error = expect_error([&] { unary(session, "mlp.act_fn", op::UnaryKind::kSilu, x); });
  EXPECT_EQ(error.category(), Category::kUnsupported);
  for (const char* part : {"mlp.act_fn", "'test'", "'unary'"})
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  // A fallback that needs it names it too.
  const Error nested = expect_error([&] {
    session.call(Op::gated, op::Gated{}, {{x, x}}, "mlp.act_fn");
    TestDevice poor({.has = [](Op op) { return op != Op::unary && op != Op::gated; }});
    Session other(poor, Policy());
    const Tensor y = other.upload(random_tensor(1, {2, 4}));
    other.call(Op::gated, op::Gated{}, {{y, y}}, "mlp.act_fn");
  });
  EXPECT_EQ(nested.category(), Category::kUnsupported);
}

// ---- Kernel settings -------------------------------------------------------------------------------------------

std::vector<std::string> seen_settings;

class SettingsDevice : public TestDevice {
 public:
  SettingsDevice() {
    kernels_.assign(TestDevice::kernels().begin(), TestDevice::kernels().end());
    for (device::KernelRow& kernel : kernels_)
      if (kernel.op == Op::linear || kernel.op == Op::attention) kernel.run = note;
  }
  std::span<const device::KernelRow> kernels() const override { return kernels_; }

 private:
  static void note(const device::KernelCall& call) {
    seen_settings.emplace_back(firstlight::testing::setting_name(call.context.settings));
  }
  std::vector<device::KernelRow> kernels_;
};

TEST(Session, KernelsGetTheSettingOfTheirGroupAndPhase) {
  SettingsDevice device;
  PolicyRules rules;
  rules.base.settings = {{"li_qkv_prefill", "hifi2"},
                         {"li_qkv_decode", "hifi4"},
                         {"li_ff2", "lofi"},
                         {"sdpa_decode", "hifi2na"},
                         {"li_lm_head", "hifi4"}};
  rules.layers[1].settings = {{"li_ff2", "hifi4"}};
  Session session(device, Policy(rules));
  session.note_group("layers.0.q", Group::kWqkv);
  session.note_group("layers.0.down", Group::kFf2);
  session.note_group("layers.1.down", Group::kFf2);
  session.note_group("lm_head", Group::kLmHead);
  const Tensor x = session.upload(random_tensor(1, {1, 4}));
  const auto run_all = [&] {
    for (const char* key : {"layers.0.q", "layers.0.down", "layers.1.down", "lm_head", "other"}) {
      const std::vector<Tensor> in{x, session.upload(random_tensor(2, {4, 4}))};
      session.call(Op::linear, op::Linear{}, in, key);
    }
    const Tensor ids = session.upload(integers({0}, {1}));
    const Tensor cache = session.allocate(Format::f32, {1, 1, 1, 4});
    const std::vector<Tensor> in{x.reshaped({1, 1, 4}), cache, cache, ids, ids, ids.reshaped({1, 1})};
    session.call(Op::attention, op::Attention{.max_context = 1, .attended = 1}, in, "layers.0.sdpa");
  };
  seen_settings.clear();
  run_all();
  EXPECT_EQ(seen_settings, (std::vector<std::string>{"hifi2", "lofi", "hifi4", "hifi4", "", ""}));
  seen_settings.clear();
  session.set_phase(Phase::kDecode);
  run_all();
  EXPECT_EQ(seen_settings, (std::vector<std::string>{"hifi4", "lofi", "hifi4", "hifi4", "", "hifi2na"}));
}

}  // namespace
}  // namespace firstlight::run
