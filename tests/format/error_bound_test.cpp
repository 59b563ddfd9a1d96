// Error bounds: never exceeded on random and adversarial data, and attained, so not a bit wider than they must be.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include "firstlight/base/rng.h"
#include "firstlight/format/format.h"

namespace firstlight {
namespace {

// Stores x as one row of at most a block, checks every element; returns the largest share of its bound that was used.
double check_block(const FormatRow& info, const std::vector<float>& x) {
  std::vector<float> back(x.size());
  round_row(info.id, x.data(), static_cast<std::int64_t>(x.size()), back.data());
  double block_max = 0;
  for (const float value : x) {
    // A NaN in the block has the exponent field of an infinity.
    const double magnitude = std::isnan(value) ? std::numeric_limits<double>::infinity() : std::abs(double{value});
    block_max = std::max(block_max, magnitude);
  }
  double used = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i])) continue;
    const double error = std::abs(double{x[i]} - double{back[i]});
    const double bound = info.error_bound(x[i], block_max);
    EXPECT_LE(error, bound) << info.name << ", x " << std::hexfloat << x[i] << ", block max " << block_max;
    if (error > 0 && std::isfinite(bound)) used = std::max(used, error / bound);
  }
  return used;
}

std::vector<float> random_block(Rng& rng, std::int64_t lowest_field, std::int64_t fields, std::uint32_t fraction_mask) {
  std::vector<float> x(16);
  for (float& value : x) {
    const auto field = static_cast<std::uint32_t>(lowest_field + rng.below(fields));
    value = std::bit_cast<float>((rng.next_u32() & 0x80000000u) | field << 23 | (rng.next_u32() & fraction_mask));
  }
  return x;
}

TEST(ErrorBound, HoldsOnRandomBlocksOfTheWholeRange) {
  Rng rng(21);
  for (const FormatRow& info : formats()) {
    for (int draw = 0; draw < 20000; ++draw) {
      const std::int64_t fields = 1 + rng.below(30);
      // Some blocks hold infinities and NaNs, some only subnormals; a sparse fraction makes ties frequent.
      const std::int64_t lowest = draw % 4 == 0 ? 0 : draw % 4 == 1 ? 256 - fields : rng.below(257 - fields);
      check_block(info, random_block(rng, lowest, fields, draw % 2 == 0 ? 0x7FFFFFu : 0x7E0001u));
    }
  }
}

// For every gap between an element and the largest of its block, near every tie: the bound is reached.
TEST(ErrorBound, OfBlockFloatsIsAttainedAtEveryGap) {
  const std::pair<Format, int> widths[] = {{Format::bfp8, 7}, {Format::bfp4, 3}, {Format::bfp2, 1}};
  for (const auto& [format, bits] : widths) {
    for (int gap = 0; gap <= bits; ++gap) {
      double used = 0;
      // Every code with one more bit behind it, followed by zeros or by all ones in what the shift drops.
      for (std::uint32_t top = 0; top < 512; ++top) {
        for (const std::uint32_t low : {0u, (1u << gap) - 1u}) {
          const float x = std::bit_cast<float>(static_cast<std::uint32_t>(127 - gap) << 23 | top << 14 | low);
          used = std::max(used, check_block(row(format), {1.0f, x}));
        }
      }
      // In the binade of the code 1 the only tie, 1.5, goes up and away from what the shift drops: half a step is
      // reached there, the dropped part is not.
      EXPECT_GE(used, gap == bits - 1 ? 1.0 - std::ldexp(1.0, bits - 23) : 1.0)
          << format_name(format) << ", gap " << gap;
    }
  }
}

TEST(ErrorBound, OfBlockFloatsKnowsSaturationAndFlushedSubnormals) {
  const FormatRow& bfp4 = row(Format::bfp4);
  // Codes are quarters up to 7/4; beyond, the distance to 7/4 is the error, and nearly a whole step at the end.
  EXPECT_EQ(bfp4.error_bound(1.75, 1.75), 0.0);
  EXPECT_EQ(bfp4.error_bound(1.9375, 1.9375), 0.1875);
  EXPECT_EQ(bfp4.error_bound(1.0, 1.0), 0.125);
  EXPECT_EQ(bfp4.error_bound(-0.125, 1.0), 0.125);
  EXPECT_EQ(bfp4.error_bound(0x1p-127, 1.0), 0x1p-127);
  EXPECT_EQ(bfp4.error_bound(0x1p-127, 0x1p-127), 0x1p-127);
  EXPECT_EQ(bfp4.error_bound(0.0, 0.0), 0.0);
  EXPECT_EQ(row(Format::bfp2).error_bound(1.5, 1.5), 0.5);
  EXPECT_EQ(row(Format::bfp8).error_bound(1.0, 0x1p30), 1.0);  // lost whole
}

TEST(ErrorBound, Of16BitFloatsIsAttainedInEveryBinade) {
  for (const auto& [format, fraction_bits, lowest, highest] :
       {std::tuple{Format::bf16, 7, -126, 127}, std::tuple{Format::f16, 10, -14, 15}}) {
    for (int exponent = lowest; exponent < highest; ++exponent) {
      const double half = std::ldexp(1.0, exponent - fraction_bits - 1);
      const auto tie = static_cast<float>(std::ldexp(1.0, exponent) + half);
      EXPECT_EQ(row(format).error_bound(tie, tie), half);
      EXPECT_EQ(check_block(row(format), {tie}), 1.0) << format_name(format) << " " << exponent;
    }
  }
  EXPECT_EQ(row(Format::f16).error_bound(0x1p-26, 0x1p-26), 0x1p-26);  // lost whole
  EXPECT_EQ(row(Format::f16).error_bound(0x1p-20, 0x1p-20), 0x1p-25);  // half a subnormal unit
  EXPECT_EQ(row(Format::f16).error_bound(65519.0, 65519.0), 16.0);
  EXPECT_EQ(row(Format::f16).error_bound(65520.0, 65520.0), std::numeric_limits<double>::infinity());
  EXPECT_EQ(row(Format::f32).error_bound(1.1, 1.1), 0.0);
}

TEST(ErrorBound, OfIntegersIsTheDistanceToWhatTheyHold) {
  EXPECT_EQ(row(Format::u8).error_bound(2.5, 2.5), 0.5);
  EXPECT_EQ(row(Format::u8).error_bound(-3.0, 3.0), 3.0);
  EXPECT_EQ(row(Format::u8).error_bound(300.0, 300.0), 45.0);
  EXPECT_EQ(row(Format::i32).error_bound(0x1p32, 0x1p32), 0x1p31);
  EXPECT_EQ(row(Format::i64).error_bound(12.0, 12.0), 0.0);
}

}  // namespace
}  // namespace firstlight
