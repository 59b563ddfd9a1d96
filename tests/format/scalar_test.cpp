// bf16 and f16: every pattern, every midpoint between neighbours, against tables built from the definition with ldexp.
#include "firstlight/format/scalar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "firstlight/base/rng.h"

namespace firstlight {
namespace {

// One 16-bit format by its definition.
struct Layout {
  int fraction_bits;
  int bias;
  int special_field;  // exponent field of infinities and NaNs
  std::uint16_t quiet_nan;
  float (*widen)(std::uint16_t);
  std::uint16_t (*narrow)(float);
};

const Layout kBf16 = {7, 127, 255, 0x7FC0, bf16_to_f32, f32_to_bf16};
const Layout kF16 = {10, 15, 31, 0x7E00, f16_to_f32, f32_to_f16};

// The value of a pattern without its sign; the infinity counts as the next power of two, which is where it rounds from.
double value_of(const Layout& layout, int pattern) {
  const int field = pattern >> layout.fraction_bits;
  const int fraction = pattern & ((1 << layout.fraction_bits) - 1);
  if (field == 0) return std::ldexp(fraction, 1 - layout.bias - layout.fraction_bits);
  return std::ldexp((1 << layout.fraction_bits) + fraction, field - layout.bias - layout.fraction_bits);
}

int infinity_of(const Layout& layout) { return layout.special_field << layout.fraction_bits; }

class Scalar16 : public ::testing::TestWithParam<const Layout*> {};
INSTANTIATE_TEST_SUITE_P(Formats, Scalar16, ::testing::Values(&kBf16, &kF16),
                         [](const auto& info) { return info.param == &kBf16 ? "bf16" : "f16"; });

TEST_P(Scalar16, WidensEveryPatternAndTakesItBack) {
  const Layout& layout = *GetParam();
  for (int pattern = 0; pattern < 0x10000; ++pattern) {
    const auto bits = static_cast<std::uint16_t>(pattern);
    const int unsigned_pattern = pattern & 0x7FFF;
    const float wide = layout.widen(bits);
    if (unsigned_pattern > infinity_of(layout)) {
      ASSERT_TRUE(std::isnan(wide)) << pattern;
      ASSERT_EQ(layout.narrow(wide), layout.quiet_nan) << pattern;
      continue;
    }
    const double expected = unsigned_pattern == infinity_of(layout) ? std::numeric_limits<double>::infinity()
                                                                    : value_of(layout, unsigned_pattern);
    ASSERT_EQ(std::abs(static_cast<double>(wide)), expected) << pattern;
    ASSERT_EQ(std::signbit(wide), pattern >= 0x8000) << pattern;
    ASSERT_EQ(layout.narrow(wide), bits);
  }
}

TEST_P(Scalar16, RoundsMidpointsToEvenAndTheirNeighboursToTheNearer) {
  const Layout& layout = *GetParam();
  for (int below = 0; below < infinity_of(layout); ++below) {
    const double middle = (value_of(layout, below) + value_of(layout, below + 1)) / 2;
    const auto tie = static_cast<float>(middle);
    ASSERT_EQ(static_cast<double>(tie), middle);  // an f32 holds every midpoint
    const int even = below % 2 == 0 ? below : below + 1;
    const float infinity = std::numeric_limits<float>::infinity();
    ASSERT_EQ(layout.narrow(tie), even) << below;
    ASSERT_EQ(layout.narrow(-tie), even | 0x8000) << below;
    ASSERT_EQ(layout.narrow(std::nextafter(tie, 0.0f)), below) << below;
    ASSERT_EQ(layout.narrow(std::nextafter(tie, infinity)), below + 1) << below;
    ASSERT_EQ(layout.narrow(std::nextafter(-tie, -infinity)), (below + 1) | 0x8000) << below;
  }
}

TEST_P(Scalar16, RoundsRandomBitsToTheNearestPattern) {
  const Layout& layout = *GetParam();
  std::vector<double> values;  // of the patterns 0, 1, ... up to the infinity
  for (int pattern = 0; pattern <= infinity_of(layout); ++pattern) values.push_back(value_of(layout, pattern));
  Rng rng(7);
  for (int draw = 0; draw < 300000; ++draw) {
    const float x = std::bit_cast<float>(rng.next_u32());
    if (std::isnan(x)) {
      ASSERT_EQ(layout.narrow(x), layout.quiet_nan);
      continue;
    }
    const double magnitude = std::abs(static_cast<double>(x));
    const auto above = std::lower_bound(values.begin(), values.end(), magnitude);
    int expected = infinity_of(layout);
    if (above != values.end()) {
      expected = static_cast<int>(above - values.begin());
      if (expected > 0) {
        const double down = magnitude - values[static_cast<std::size_t>(expected) - 1];
        const double up = *above - magnitude;
        if (down < up || (down == up && expected % 2 == 1)) --expected;
      }
    }
    ASSERT_EQ(layout.narrow(x), expected | (std::signbit(x) ? 0x8000 : 0)) << std::hexfloat << x;
  }
}

TEST(Scalar, IsUsableAtCompileTime) {
  static_assert(f32_to_bf16(1.0f) == 0x3F80);
  static_assert(f32_to_f16(-2.0f) == 0xC000);
  static_assert(f32_to_f16(0x1p-24f) == 1);
  static_assert(bf16_to_f32(0x4040) == 3.0f);
  static_assert(f16_to_f32(0x0001) == 0x1p-24f);
}

TEST(Scalar, OverflowsToInfinityAtHalfAStepPastTheLargest) {
  EXPECT_EQ(f32_to_f16(65519.996f), 0x7BFF);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7C00);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::max()), 0x7C00);
  EXPECT_EQ(f32_to_bf16(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_EQ(f32_to_bf16(-std::numeric_limits<float>::infinity()), 0xFF80);
}

}  // namespace
}  // namespace firstlight
