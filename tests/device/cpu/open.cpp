// Opening the device: names of kernel tables, refusals, description, peaks.
#include <gtest/gtest.h>

#include <algorithm>

#include "device/cpu/tables.h"
#include "testing/testing.h"

namespace firstlight::device {
namespace {

TEST(OpenCpu, TakesTheBestTableUnlessOneIsNamed) {
  const std::vector<std::string> usable = usable_isas();
  ASSERT_FALSE(usable.empty());
  EXPECT_EQ(usable.back(), "portable");
  EXPECT_EQ(open_cpu({.threads = 1})->description().isa, usable.front());
  for (const std::string& isa : usable) {
    const auto device = open_cpu({.threads = 2, .isa = isa});
    EXPECT_EQ(device->description().isa, isa);
    EXPECT_NE(device->description().summary.find(isa + ", 2 threads"), std::string::npos);
  }
}

TEST(OpenCpu, AnUnknownTableIsAUsageErrorThatListsThem) {
  const Error error = testing::expect_error([] { open_cpu({.isa = "neon9"}); });
  EXPECT_EQ(error.category(), Category::kUsage);
  EXPECT_NE(error.message().find("amx, avx512bf16, avx512vnni, avx512, avx2, portable"), std::string::npos)
      << error.message();
}

TEST(OpenCpu, ATableThatTheMachineLacksIsUnsupported) {
  for (const cpu::Isa& isa : cpu::isas()) {
    if (isa.usable()) continue;
    const Error error = testing::expect_error([&] { open_cpu({.isa = std::string(isa.name)}); });
    EXPECT_EQ(error.category(), Category::kUnsupported);
    EXPECT_NE(error.message().find(usable_isas().front()), std::string::npos) << error.message();
  }
}

TEST(OpenCpu, MeasuresPeaks) {
  const Peaks peaks = open_cpu({.threads = 2})->peaks(0.02);
  EXPECT_GT(peaks.read_bandwidth, 1e8);
  EXPECT_GT(peaks.flops_f32, 1e8);
  EXPECT_GE(peaks.flops_bf16, 1e8);
  EXPECT_NE(peaks.origin.find("2 threads"), std::string::npos);
}

TEST(OpenCpu, RefusesIntegerWeights) {
  const auto device = open_cpu({.threads = 1});
  const Error error = testing::expect_error([&] { device->plan_weight({WeightRole::kLinear, Format::i32, {32, 32}}); });
  EXPECT_EQ(error.category(), Category::kUnsupported);
}

}  // namespace
}  // namespace firstlight::device
