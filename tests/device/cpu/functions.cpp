// The elementary functions of every table against double precision, over their whole range.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "device/cpu/tables.h"

namespace firstlight::device::cpu {
namespace {

const Kernels& kernels_of(const std::string& table) {
  for (const Isa& isa : isas())
    if (isa.name == table) return *isa.kernels;
  return simulated_kernels(table);
}

// Difference in units of the last place of the wanted value as a normal f32.
double ulps(float got, double want) {
  const int exponent = std::max(std::ilogb(static_cast<float>(want) == 0 ? 1e-38F : want), -126);
  return std::abs(static_cast<double>(got) - want) / std::ldexp(1.0, exponent - 23);
}

class Functions : public ::testing::TestWithParam<std::string> {
 protected:
  std::vector<float> run(UnaryCode code, const std::vector<float>& x) {
    std::vector<float> y(x.size());
    kernels_of(GetParam())
        .rows.unary(code, {x.data(), Element::kF32}, {y.data(), Element::kF32}, static_cast<std::int64_t>(x.size()));
    return y;
  }
  // 200,001 points of [-limit, limit].
  static std::vector<float> range(float limit) {
    std::vector<float> x;
    for (int i = -100000; i <= 100000; ++i) x.push_back(limit * static_cast<float>(i) / 100000.0F);
    return x;
  }
  template <typename F>
  double worst(UnaryCode code, const std::vector<float>& x, F f) {
    const std::vector<float> y = run(code, x);
    double result = 0;
    for (std::size_t i = 0; i < x.size(); ++i) result = std::max(result, ulps(y[i], f(static_cast<double>(x[i]))));
    return result;
  }
};

// The bounds are those that kernels/math.h documents.
TEST_P(Functions, StayWithinTheirUlps) {
  EXPECT_LE(worst(UnaryCode::kExp, range(88.7F), [](double x) { return std::exp(x); }), 2);
  EXPECT_LE(worst(UnaryCode::kExp, range(1.0F), [](double x) { return std::exp(x); }), 2);
  EXPECT_LE(worst(UnaryCode::kTanh, range(10.0F), [](double x) { return std::tanh(x); }), 3);
  EXPECT_LE(worst(UnaryCode::kTanh, range(0.7F), [](double x) { return std::tanh(x); }), 3);
  EXPECT_LE(worst(UnaryCode::kSigmoid, range(80.0F), [](double x) { return 1 / (1 + std::exp(-x)); }), 4);
}

TEST_P(Functions, KnowTheEndsOfTheRange) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x{infinity, -infinity, nan, 0.0F, -0.0F, 88.8F, -104.5F, 200.0F, -1e30F};
  const std::vector<float> exp = run(UnaryCode::kExp, x);
  EXPECT_EQ(exp[0], infinity);
  EXPECT_EQ(exp[1], 0);
  EXPECT_TRUE(std::isnan(exp[2]));
  EXPECT_EQ(exp[3], 1);
  EXPECT_EQ(exp[4], 1);
  EXPECT_EQ(exp[5], infinity);
  EXPECT_EQ(exp[6], 0);
  EXPECT_EQ(exp[7], infinity);
  EXPECT_EQ(exp[8], 0);
  const std::vector<float> tanh = run(UnaryCode::kTanh, x);
  EXPECT_EQ(tanh[0], 1);
  EXPECT_EQ(tanh[1], -1);
  EXPECT_TRUE(std::isnan(tanh[2]));
  EXPECT_TRUE(std::signbit(tanh[4]));
  const std::vector<float> relu = run(UnaryCode::kRelu, x);
  EXPECT_TRUE(std::isnan(relu[2]));
}

// Narrowing to bf16, every rounding case and NaN, equals the format's.
TEST_P(Functions, NarrowAsTheFormatDoes) {
  std::vector<float> x;
  for (std::uint32_t high = 0; high < 0x10000U; ++high)
    for (const std::uint32_t low : {0U, 1U, 0x7FFFU, 0x8000U, 0x8001U, 0xFFFFU})
      x.push_back(std::bit_cast<float>(high << 16 | low));
  x.pop_back();  // a tail that is no multiple of 16
  std::vector<std::uint16_t> got(x.size());
  std::vector<std::uint16_t> want(x.size());
  const auto n = static_cast<std::int64_t>(x.size());
  kernels_of(GetParam()).rows.convert({x.data(), Element::kF32}, {got.data(), Element::kBf16}, n);
  row(Format::bf16).encode(x.data(), n, reinterpret_cast<std::byte*>(want.data()));
  EXPECT_EQ(got, want);
}

INSTANTIATE_TEST_SUITE_P(Cpu, Functions, ::testing::ValuesIn(tables()), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace firstlight::device::cpu
