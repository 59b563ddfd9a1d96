// Kernels decode packed weights to exactly the values of the format, for few rows and for many: the product with the
// identity gives them back.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>

#include "device/cpu/tables.h"
#include "device/parity/cases.h"
#include "device/parity/runner.h"
#include "firstlight/base/rng.h"
#include "firstlight/op/linear.h"
#include "testing/testing.h"

namespace firstlight::device::cpu {
namespace {

constexpr std::int64_t kDepth = 50;
constexpr std::int64_t kOutputs = 40;

// Outputs n of input k at kDepth * n + k. Magnitudes from subnormal to the largest, mixed within blocks of outputs and
// constant over others, and zeros.
std::vector<float> extreme_values() {
  Rng rng(11);
  std::vector<float> values;
  for (std::int64_t n = 0; n < kOutputs; ++n)
    for (std::int64_t k = 0; k < kDepth; ++k) {
      const int block_exponent = k < 30 ? static_cast<int>(k) - 135 : static_cast<int>(k * 8) - 273;
      const int spread = static_cast<int>(rng.below(9));
      const float significand = rng.uniform(1.0F, 2.0F) * (rng.below(2) == 0 ? 1.0F : -1.0F);
      values.push_back(rng.below(10) == 0 ? 0.0F : std::ldexp(significand, block_exponent - spread));
    }
  return values;
}

class Values : public WeightSource {
 public:
  explicit Values(std::vector<float> values, std::int64_t depth = kDepth) : values_(std::move(values)), depth_(depth) {}
  void read(std::int64_t begin, std::int64_t end, float* dst) const override {
    std::copy(values_.begin() + begin * depth_, values_.begin() + end * depth_, dst);
  }

 private:
  std::vector<float> values_;
  std::int64_t depth_;
};

// x [R, K] times a packed weight, `batch` rows a call, as f32.
HostTensor run_linear(Device& device, const HostTensor& x, const View& weight, std::int64_t batch) {
  const std::int64_t rows = x.view().shape[0];
  HostTensor result(Format::f32, {rows, weight.shape[1]});
  for (std::int64_t row = 0; row < rows; row += batch) {
    const std::int64_t end = std::min(rows, row + batch);
    const View in[] = {slice_first(x.view(), row, end), weight};
    const View out[] = {slice_first(result.view(), row, end)};
    const op::Linear args;
    KernelCall call{&args, sizeof(args), in, out, {}};
    call.context.executor = &device.executor();
    for (const KernelRow& kernel : device.kernels()) {
      if (kernel.op != op::Op::linear || !kernel.accepts(call)) continue;
      HostTensor scratch(Format::u8, {static_cast<std::int64_t>(kernel.scratch_bytes(call, 2))});
      call.context.scratch = {scratch.view().data, scratch.size_bytes()};
      kernel.run(call);
      break;
    }
  }
  return result;
}

class Decode : public ::testing::TestWithParam<std::string> {};

TEST_P(Decode, IdentityGivesTheFormatsValues) {
  const auto device = open_table(GetParam(), 2);
  const std::vector<float> source = extreme_values();
  for (const Format format : {Format::f32, Format::f16, Format::bf16, Format::bfp8, Format::bfp4, Format::bfp2}) {
    SCOPED_TRACE(format_name(format));
    // What the format makes of it, blocks along the outputs.
    std::vector<float> wanted(static_cast<std::size_t>(kDepth * kOutputs));
    for (std::int64_t k = 0; k < kDepth; ++k) {
      for (std::int64_t n = 0; n < kOutputs; ++n)
        wanted[static_cast<std::size_t>(k * kOutputs + n)] = source[static_cast<std::size_t>(n * kDepth + k)];
      round_row(format, wanted.data() + k * kOutputs, kOutputs, wanted.data() + k * kOutputs);
    }
    const WeightPlan plan = device->plan_weight({WeightRole::kLinear, format, {kDepth, kOutputs}});
    HostTensor packed(Format::u8, {static_cast<std::int64_t>(plan.bytes)});
    device->pack_weight(plan, Values(source), {packed.view().data, plan.bytes}, device->executor(), {});
    std::vector<float> unpacked(wanted.size());
    device->unpack_weight(plan, {packed.view().data, plan.bytes}, unpacked.data());
    EXPECT_EQ(unpacked, wanted);

    HostTensor identity(Format::f32, {kDepth, kDepth});
    for (std::int64_t k = 0; k < kDepth; ++k) identity.f32()[static_cast<std::size_t>(k * kDepth + k)] = 1;
    for (const std::int64_t batch : {std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, std::int64_t{4}, kDepth}) {
      const HostTensor result = run_linear(*device, identity, device->weight_view(plan, packed.view().data), batch);
      if (format == Format::f16) continue;  // an f16 infinity meets zeros of the identity
      EXPECT_EQ(result.values(), wanted) << "batches of " << batch;
    }
  }
}

// Few rows multiply the input by a block's exponent first, many rows the weight: at the ends of the range, where that
// is not the same, as well.
TEST_P(Decode, SmallAndLargeInputsGiveTheSameBitsInFewAndManyRows) {
  const auto device = open_table(GetParam(), 2);
  Rng rng(5);
  std::vector<float> weights;
  for (std::int64_t i = 0; i < kDepth * kOutputs; ++i) weights.push_back(0.1F * rng.normal());
  constexpr int kExponents[] = {-148, -140, -132, -128, -120, -100, -80, -40, 0, 40, 80, 100, 120, 126};
  constexpr auto kRows = static_cast<std::int64_t>(std::size(kExponents));
  for (const Format format : {Format::bf16, Format::bfp8, Format::bfp4, Format::bfp2})
    for (const Format activation : {Format::f32, Format::bf16}) {
      SCOPED_TRACE(fmt::format("{} x {}", format_name(activation), format_name(format)));
      const WeightPlan plan = device->plan_weight({WeightRole::kLinear, format, {kDepth, kOutputs}});
      HostTensor packed(Format::u8, {static_cast<std::int64_t>(plan.bytes)});
      device->pack_weight(plan, Values(weights), {packed.view().data, plan.bytes}, device->executor(), {});
      std::vector<float> values;
      for (const int exponent : kExponents)
        for (std::int64_t k = 0; k < kDepth; ++k) {
          const float value = std::ldexp(rng.uniform(-2.0F, 2.0F), exponent);
          values.push_back(k % 7 == 3 ? std::copysign(0.0F, value) : value);
        }
      HostTensor x(activation, {kRows, kDepth});
      copy_from_f32(values.data(), x.view());
      const View weight = device->weight_view(plan, packed.view().data);
      const HostTensor whole = run_linear(*device, x, weight, kRows);
      EXPECT_NE(whole.f32()[static_cast<std::size_t>(8 * kOutputs)], 0);
      for (const std::int64_t batch : {1, 2, 3, 4}) {
        const HostTensor parts = run_linear(*device, x, weight, batch);
        for (std::int64_t row = 0; row < kRows; ++row)
          EXPECT_EQ(std::memcmp(parts.f32().data() + row * kOutputs, whole.f32().data() + row * kOutputs,
                                kOutputs * sizeof(float)),
                    0)
              << "batches of " << batch << ", inputs of 2^" << kExponents[row];
      }
    }
}

// Many rows scale whole groups of codes as they are decoded, but not where a block's numbers are too small for that.
TEST_P(Decode, SmallWeightsGiveTheSameBitsInFewAndManyRows) {
  constexpr std::int64_t kInputs = 192;
  constexpr std::int64_t kColumns = 80;
  constexpr std::int64_t kRows = 14;
  const auto device = open_table(GetParam(), 2);
  for (const int smallest : {0, -90, -100, -118, -126})
    for (const Format format : {Format::bfp8, Format::bfp4, Format::bfp2}) {
      SCOPED_TRACE(fmt::format("{} down to 2^{}", format_name(format), smallest));
      Rng rng(7);
      std::vector<float> weights;
      for (std::int64_t n = 0; n < kColumns; ++n)
        for (std::int64_t k = 0; k < kInputs; ++k) {
          const bool small = k >= 64 && k < 75 && n / 16 == 1;
          const float value = std::ldexp(rng.uniform(-1.0F, 1.0F), small ? smallest : 0);
          weights.push_back(rng.below(5) == 0 ? 0.0F : value);
        }
      const WeightPlan plan = device->plan_weight({WeightRole::kLinear, format, {kInputs, kColumns}});
      HostTensor packed(Format::u8, {static_cast<std::int64_t>(plan.bytes)});
      device->pack_weight(plan, Values(weights, kInputs), {packed.view().data, plan.bytes}, device->executor(), {});
      std::vector<float> values;
      for (std::int64_t i = 0; i < kRows * kInputs; ++i) {
        // The last row meets the small weights alone.
        const bool apart = i / kInputs == kRows - 1 && (i % kInputs < 64 || i % kInputs >= 75);
        values.push_back(apart ? 0.0F : rng.uniform(-2.0F, 2.0F));
      }
      HostTensor x(Format::bf16, {kRows, kInputs});
      copy_from_f32(values.data(), x.view());
      const View weight = device->weight_view(plan, packed.view().data);
      const HostTensor whole = run_linear(*device, x, weight, kRows);
      EXPECT_NE(whole.f32()[0], 0);
      if (smallest > -118) {
        EXPECT_NE(whole.f32()[static_cast<std::size_t>((kRows - 1) * kColumns + 17)], 0);
      }
      for (const std::int64_t batch : {1, 3, 7}) {
        const HostTensor parts = run_linear(*device, x, weight, batch);
        EXPECT_EQ(std::memcmp(parts.f32().data(), whole.f32().data(), kRows * kColumns * sizeof(float)), 0)
            << "batches of " << batch;
      }
    }
}

// An input's exponent and a block's are not added up where that would wrap: an infinity by small weights stays one.
TEST_P(Decode, AnInfinityIsOneInFewAndManyRows) {
  const auto device = open_table(GetParam(), 2);
  constexpr std::int64_t kRows = 6;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float size : {1.0F, 0x1p-60F})
    for (const Format format : {Format::bf16, Format::bfp8, Format::bfp4, Format::bfp2}) {
      SCOPED_TRACE(fmt::format("{} of {}", format_name(format), size));
      const std::vector<float> weights(static_cast<std::size_t>(kDepth * kOutputs), size);
      const WeightPlan plan = device->plan_weight({WeightRole::kLinear, format, {kDepth, kOutputs}});
      HostTensor packed(Format::u8, {static_cast<std::int64_t>(plan.bytes)});
      device->pack_weight(plan, Values(weights), {packed.view().data, plan.bytes}, device->executor(), {});
      std::vector<float> values(static_cast<std::size_t>(kRows * kDepth), 1.0F);
      for (std::int64_t row = 0; row < kRows; ++row)
        values[static_cast<std::size_t>(row * kDepth + 7 * row)] = row % 2 == 0 ? kInfinity : -kInfinity;
      HostTensor x(Format::bf16, {kRows, kDepth});
      copy_from_f32(values.data(), x.view());
      for (const std::int64_t batch : {std::int64_t{1}, std::int64_t{3}, kRows}) {
        const HostTensor result = run_linear(*device, x, device->weight_view(plan, packed.view().data), batch);
        for (std::int64_t i = 0; i < kRows * kOutputs; ++i)
          ASSERT_EQ(result.f32()[static_cast<std::size_t>(i)], i / kOutputs % 2 == 0 ? kInfinity : -kInfinity)
              << "batches of " << batch << ", row " << i / kOutputs;
      }
    }
}

TEST(Pack, RefusesAnInfinityInABlock) {
  const auto device = open_cpu({.threads = 2});
  std::vector<float> values = extreme_values();
  values[1000] = std::numeric_limits<float>::infinity();
  for (const Format format : {Format::bfp8, Format::bfp4, Format::bfp2}) {
    const WeightPlan plan = device->plan_weight({WeightRole::kLinear, format, {kDepth, kOutputs}});
    std::vector<std::byte> packed(plan.bytes);
    const Error error =
        testing::expect_error([&] { device->pack_weight(plan, Values(values), packed, device->executor(), {}); });
    EXPECT_EQ(error.category(), Category::kBadInput);
    EXPECT_NE(error.message().find("outputs 16 to 31"), std::string::npos) << error.message();
  }
}

TEST(Pack, BytesPerWeightAreTheFormats) {
  const auto device = open_cpu({.threads = 1});
  const double weights = 64.0 * 320.0;
  for (const auto& [format, bytes] :
       {std::pair{Format::f32, 4.0}, std::pair{Format::bf16, 2.0}, std::pair{Format::bfp8, 1.0625},
        std::pair{Format::bfp4, 0.5625}, std::pair{Format::bfp2, 0.3125}})
    EXPECT_EQ(static_cast<double>(device->plan_weight({WeightRole::kLinear, format, {64, 320}}).bytes),
              bytes * weights);
}

INSTANTIATE_TEST_SUITE_P(Cpu, Decode, ::testing::ValuesIn(tables()), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace firstlight::device::cpu
