// The panel on the pitfalls of failure_modes.md F4: scale, offset, constants, outliers, non-finite values.
#include "firstlight/harness/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "firstlight/base/rng.h"

namespace firstlight::harness {
namespace {

std::vector<float> noise(std::size_t n, std::uint64_t seed = 7) {
  Rng rng(seed);
  std::vector<float> values(n);
  for (float& v : values) v = rng.normal();
  return values;
}

std::vector<float> mapped(const std::vector<float>& x, float scale, float offset) {
  std::vector<float> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] * scale + offset;
  return y;
}

TEST(Metrics, EqualTensors) {
  const auto x = noise(1000);
  const Metrics m = compare(x, x);
  EXPECT_EQ(m.pcc, 1);
  EXPECT_EQ(m.nmse, 0);
  EXPECT_EQ(m.max_abs, 0);
  EXPECT_EQ(m.max_ulp, 0);
  EXPECT_TRUE(m.bit_equal);
  EXPECT_TRUE(m.findings().empty());
}

TEST(Metrics, TwiceTheReferenceHasPerfectCorrelationAndIsFound) {
  const auto x = noise(1000);
  const Metrics m = compare(x, mapped(x, 2, 0));
  EXPECT_NEAR(m.pcc, 1, 1e-12);
  EXPECT_NEAR(m.scale, 2, 1e-6);
  EXPECT_NEAR(m.nmse, 1, 1e-6);
  ASSERT_EQ(m.findings().size(), 1U);
  EXPECT_NE(m.findings()[0].find("2 x"), std::string::npos) << m.findings()[0];
}

TEST(Metrics, AddedOneHasPerfectCorrelationAndIsFound) {
  const auto x = noise(1000);
  const Metrics m = compare(x, mapped(x, 1, 1));
  EXPECT_NEAR(m.pcc, 1, 1e-7);
  EXPECT_NEAR(m.offset, 1, 1e-6);
  EXPECT_GT(m.offset_error(), 0.9);
  ASSERT_FALSE(m.findings().empty());
}

TEST(Metrics, ConstantOutputDoesNotPass) {
  const auto x = noise(1000);
  const std::vector<float> constant(1000, 0.25F);
  const Metrics m = compare(x, constant);
  EXPECT_EQ(m.pcc, 0);
  EXPECT_TRUE(m.actual_constant);
  EXPECT_FALSE(m.findings().empty());
  EXPECT_EQ(compare(constant, x).pcc, 0);
}

TEST(Metrics, ConstantsAreComparedByValue) {
  const std::vector<float> a(64, 0.5F);
  const std::vector<float> b(64, 0.75F);
  EXPECT_EQ(compare(a, a).pcc, 1);
  EXPECT_EQ(compare(a, b).pcc, 0);
  EXPECT_NEAR(compare(a, b).offset, 0.25, 1e-12);
}

TEST(Metrics, AllZeroAgainstSomething) {
  const std::vector<float> zero(64, 0.0F);
  const auto x = noise(64);
  EXPECT_EQ(compare(zero, x).nmse, std::numeric_limits<double>::infinity());
  EXPECT_EQ(compare(zero, x).cosine, 0);
  EXPECT_EQ(compare(x, zero).pcc, 0);
  EXPECT_EQ(compare(x, zero).nmse, 1);
  EXPECT_EQ(compare(zero, zero).nmse, 0);
  EXPECT_EQ(compare(zero, zero).cosine, 1);
}

TEST(Metrics, OneHotOutlierShowsInMaxAbsAndNmse) {
  auto x = noise(10000);
  x[17] = 1e4F;  // dominates the correlation
  auto y = x;
  y[18] += 50;  // a wrong element that PCC does not see
  const Metrics m = compare(x, y);
  EXPECT_GT(m.pcc, 0.9999);
  EXPECT_EQ(m.worst_index, 18);
  EXPECT_NEAR(m.max_abs, 50, 1e-3);
  EXPECT_GT(m.max_ulp, 1000);
}

TEST(Metrics, NonFiniteComesFirst) {
  auto x = noise(100);
  auto y = x;
  y[3] = std::numeric_limits<float>::quiet_NaN();
  Metrics m = compare(x, y);
  EXPECT_EQ(m.nonfinite_mismatch, 1);
  EXPECT_FALSE(m.finite());
  EXPECT_NE(m.findings().at(0).find("NaN"), std::string::npos);
  x[3] = std::numeric_limits<float>::infinity();
  y[3] = -std::numeric_limits<float>::infinity();
  m = compare(x, y);
  EXPECT_EQ(m.nonfinite_mismatch, 1);
  x[3] = y[3];
  m = compare(x, y);
  EXPECT_EQ(m.nonfinite_mismatch, 0);
  EXPECT_FALSE(m.finite());
}

TEST(Metrics, AllNanBothSidesIsNotFinite) {
  const std::vector<float> nan(8, std::numeric_limits<float>::quiet_NaN());
  EXPECT_FALSE(compare(nan, nan).finite());
  EXPECT_EQ(compare(nan, std::vector<float>(8, 1.0F)).pcc, 0);
}

TEST(Metrics, SmallVarianceOnALargeOffsetKeepsPrecision) {
  auto x = noise(4096);
  for (float& v : x) v = 1000 + v * 0.01F;
  auto y = x;
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = x[x.size() - 1 - i];  // unrelated
  EXPECT_LT(std::abs(compare(x, y).pcc), 0.2);
  EXPECT_LT(compare(x, y).nmse, 1e-8);  // and NMSE alone would have passed it
}

TEST(Metrics, UlpIsFlooredNearZero) {
  std::vector<float> x{1.0F, 1.0F, 1e-30F};
  std::vector<float> y{1.0F, 1.0F, 2e-30F};
  EXPECT_LT(compare(x, y).max_ulp, 1);
  y = {std::nextafter(1.0F, 2.0F), 1.0F, 1e-30F};
  EXPECT_NEAR(compare(x, y).max_ulp, 1, 1e-6);
  y = {1.0F + 0x1p-7F, 1.0F, 1e-30F};  // one step of bf16
  EXPECT_NEAR(compare(x, y, Format::bf16).max_ulp, 1, 1e-6);
}

TEST(Metrics, Empty) {
  const Metrics m = compare({}, {});
  EXPECT_EQ(m.count, 0);
  EXPECT_EQ(m.pcc, 1);
  EXPECT_EQ(m.nmse, 0);
}

TEST(Metrics, TopKAndArgmaxBreakTiesByLowestIndex) {
  const std::vector<float> row{1, 3, 3, std::numeric_limits<float>::quiet_NaN(), 2};
  EXPECT_EQ(argmax(row), 1);
  EXPECT_EQ(top_k(row, 3), (std::vector<std::int32_t>{1, 2, 4}));
  EXPECT_EQ(top_k(row, 9).size(), 5U);
}

}  // namespace
}  // namespace firstlight::harness
