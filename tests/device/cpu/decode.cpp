// Kernels decode packed weights to exactly the values of the format, for few rows and for many: the product with the
// identity gives them back.
#include <gtest/gtest.h>

#include <cmath>
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
  explicit Values(std::vector<float> values) : values_(std::move(values)) {}
  void read(std::int64_t begin, std::int64_t end, float* dst) const override {
    std::copy(values_.begin() + begin * kDepth, values_.begin() + end * kDepth, dst);
  }

 private:
  std::vector<float> values_;
};

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
      HostTensor result(Format::f32, {kDepth, kOutputs});
      for (std::int64_t row = 0; row < kDepth; row += batch) {
        const std::int64_t end = std::min(kDepth, row + batch);
        const View in[] = {slice_first(identity.view(), row, end), device->weight_view(plan, packed.view().data)};
        const View out[] = {slice_first(result.view(), row, end)};
        const op::Linear args;
        KernelCall call{&args, sizeof(args), in, out, {}};
        call.context.executor = &device->executor();
        for (const KernelRow& kernel : device->kernels()) {
          if (kernel.op != op::Op::linear || !kernel.accepts(call)) continue;
          HostTensor scratch(Format::u8, {static_cast<std::int64_t>(kernel.scratch_bytes(call, 2))});
          call.context.scratch = {scratch.view().data, scratch.size_bytes()};
          kernel.run(call);
          break;
        }
      }
      if (format == Format::f16) continue;  // an f16 infinity meets zeros of the identity
      EXPECT_EQ(result.values(), wanted) << "batches of " << batch;
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
