// The counter generator: published vectors, independence of what was drawn before, shapes of the distributions.
#include "firstlight/base/rng.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace firstlight {
namespace {

using Words4 = std::array<std::uint32_t, 4>;

// philox4x32-10 in the known-answer file of Random123.
TEST(Philox, EqualsThePublishedVectors) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words4{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}), (Words4{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words4{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Rng, RepeatsBySeedAndStreamAndDiffersOtherwise) {
  const auto draws = [](Rng rng) {
    std::vector<std::uint32_t> result;
    for (int i = 0; i < 9; ++i) result.push_back(rng.next_u32());
    return result;
  };
  EXPECT_EQ(draws(Rng(5, 1)), draws(Rng(5, 1)));
  std::set<std::vector<std::uint32_t>> different;
  const std::uint64_t high = std::uint64_t{1} << 32;  // the upper words count too
  for (const std::uint64_t seed : {std::uint64_t{5}, std::uint64_t{6}, high})
    for (const std::uint64_t stream : {std::uint64_t{0}, std::uint64_t{1}, high})
      different.insert(draws(Rng(seed, stream)));
  EXPECT_EQ(different.size(), 9u);
  Rng first(0);
  EXPECT_EQ(first.next_u32(), 0x6627e8d5u);  // words of block 0, then of block 1
  for (int i = 0; i < 3; ++i) first.next_u32();
  EXPECT_EQ(first.next_u32(), philox({1, 0, 0, 0}, {0, 0})[0]);
}

TEST(Rng, UniformDrawsFillTheirHalfOpenRange) {
  Rng rng(9);
  double sum = 0;
  for (int i = 0; i < 100000; ++i) {
    const double u = rng.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 5 * std::sqrt(1.0 / 12 / 100000));  // five standard errors
  // A range of one step: rounding must not reach the open end.
  const float above = std::nextafter(1.0f, 2.0f);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(rng.uniform(1.0f, above), 1.0f);
  for (int i = 0; i < 10000; ++i) {
    const float value = rng.uniform(-3.0f, 5.0f);
    ASSERT_GE(value, -3.0f);
    ASSERT_LT(value, 5.0f);
  }
}

TEST(Rng, BelowReachesEveryValueAndNoOther) {
  Rng rng(10);
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) {
    const std::int64_t value = rng.below(7);
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 7);
    ++counts[static_cast<std::size_t>(value)];
  }
  const double deviation = std::sqrt(70000 * (1.0 / 7) * (6.0 / 7));
  for (const int count : counts) EXPECT_NEAR(count, 10000, 5 * deviation);
  EXPECT_EQ(rng.below(1), 0);
}

TEST(Rng, NormalHasMeanZeroAndVarianceOne) {
  Rng rng(11);
  const int n = 200000;
  double sum = 0, squares = 0, fourth = 0;
  for (int i = 0; i < n; ++i) {
    const double x = rng.normal();
    ASSERT_TRUE(std::isfinite(x));
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
  }
  EXPECT_NEAR(sum / n, 0.0, 5 / std::sqrt(n));
  EXPECT_NEAR(squares / n, 1.0, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(fourth / n, 3.0, 5 * std::sqrt(96.0 / n));  // variance of x^4 is 105 - 9
}

TEST(UniformAt, DependsOnNothingButItsPlace) {
  const double at = uniform_at(1, 2, 3);
  uniform_at(1, 2, 4);
  EXPECT_EQ(uniform_at(1, 2, 3), at);
  std::set<double> values;
  for (std::uint64_t seed = 0; seed < 8; ++seed)
    for (std::uint64_t user = 0; user < 8; ++user)
      for (std::uint64_t position = 0; position < 8; ++position) {
        const double value = uniform_at(seed, user, position);
        ASSERT_GE(value, 0.0);
        ASSERT_LT(value, 1.0);
        values.insert(value);
      }
  EXPECT_EQ(values.size(), 512u);
}

}  // namespace
}  // namespace firstlight
