// Block floats: bytes worked out by hand, every code of every exponent, and the codec against the published rule.
#include "firstlight/format/block_float.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "firstlight/base/rng.h"
#include "firstlight/format/format.h"
#include "testing/testing.h"

namespace firstlight {
namespace {

using ::testing::ElementsAreArray;
using Block = std::array<float, kBlockElements>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();
const int kWidths[] = {kBfp8MagnitudeBits, kBfp4MagnitudeBits, kBfp2MagnitudeBits};

std::vector<int> encoded(Format format, std::span<const float> values) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(row_bytes(format, static_cast<std::int64_t>(values.size()))));
  row(format).encode(values.data(), static_cast<std::int64_t>(values.size()), bytes.data());
  std::vector<int> result;
  for (const std::byte byte : bytes) result.push_back(static_cast<int>(byte));
  return result;
}

// With the largest value in [1, 2) the shared exponent is 127 and a bfp8 step is 1/64.
TEST(BlockFloatByHand, Bfp8TiesAndSaturation) {
  const Block x = {
      1.0f,                          // 64
      1.0f + 1.0f / 128,             // 64.5: to the even 64
      1.0f + 3.0f / 128,             // 65.5: to the even 66
      -(1.0f + 3.0f / 128),          // sign bit and 66
      1.0f + 1.0f / 128 + 0x1p-23f,  // just over 64.5: 65
      1.0f + 3.0f / 128 - 0x1p-23f,  // just under 65.5: 65
      1.0f / 128,                    // 0.5: to the even 0
      -1.0f / 128,                   // 0 too, and a zero has no sign
      3.0f / 128,                    // 1.5: to the even 2
      0x1p-7f + 0x1p-30f,            // 0.5 and a bit that the shift by 7 drops: a tie again, 0
      0x1p-7f + 0x1p-23f,            // 0.5 and a bit that survives the shift: 1
      1.9921875f,                    // 127.5: would be 128, saturates at 127
      1.9999999f,                    // 127.99: the same
      -1.9999999f,                   // the same with its sign
      0x1p-127f,                     // subnormal: 0
      -0.0f,                         // 0
  };
  EXPECT_THAT(encoded(Format::bfp8, x), ElementsAreArray({127, 0x40, 0x40, 0x42, 0xC2, 0x41, 0x41, 0x00, 0x00, 0x02,
                                                          0x00, 0x01, 0x7F, 0x7F, 0xFF, 0x00, 0x00}));
}

// A bfp4 step is 1/4. Two codes a byte, the even element in the low nibble.
TEST(BlockFloatByHand, Bfp4TiesAndSaturation) {
  const Block x = {
      1.0f,    1.125f,   // 4;  4.5 -> 4                    0x44
      1.375f,  1.75f,    // 5.5 -> 6;  7                    0x76
      1.875f,  -1.875f,  // 7.5 -> 8 -> 7;  -7              0xF7
      0.125f,  -0.125f,  // 0.5 -> 0;  0 without a sign     0x00
      0.375f,  -0.375f,  // 1.5 -> 2;  -2                   0xA2
      0.1875f, -0.5f,    // 0.75 -> 1;  -2                  0xA1
      -1.0f,   1.25f,    // -4;  5                          0x5C
      1.999f,  0.0f,     // 7.996 -> 8 -> 7;  0             0x07
  };
  EXPECT_THAT(encoded(Format::bfp4, x), ElementsAreArray({127, 0x44, 0x76, 0xF7, 0x00, 0xA2, 0xA1, 0x5C, 0x07}));
}

// A bfp2 step is 1: a magnitude is there or it is not. Four codes a byte, the first in the lowest bits.
TEST(BlockFloatByHand, Bfp2TiesAndSaturation) {
  const Block x = {
      1.0f,   1.5f,
      1.99f,  0.5f,  // 1;  1.5 -> 2 -> 1;  1;  0.5 -> 0     00 01 01 01 = 0x15
      0.75f,  0.50000006f,
      -0.75f, -0.5f,  // 1;  tie once shifted: 0;  -1;  0     00 11 00 01 = 0x31
      -1.0f,  -1.99f,
      0.0f,   0.499f,  // -1;  -1;  0;  0                      00 00 11 11 = 0x0F
      0.25f,  0.5f + 0x1p-23f,
      0.0f,   -1.25f,  // 0;  over the tie: 1;  0;  -1         11 00 01 00 = 0xC4
  };
  EXPECT_THAT(encoded(Format::bfp2, x), ElementsAreArray({127, 0x15, 0x31, 0x0F, 0xC4}));
}

TEST(BlockFloatByHand, ExponentZeroHoldsNothing) {
  Block x;
  x.fill(0x1p-127f);
  x[3] = -0x1.fffffcp-127f;  // the largest subnormal
  EXPECT_THAT(encoded(Format::bfp8, x), ElementsAreArray(std::vector<int>(17, 0)));
  EXPECT_THAT(encoded(Format::bfp4, x), ElementsAreArray(std::vector<int>(9, 0)));
  EXPECT_THAT(encoded(Format::bfp2, x), ElementsAreArray(std::vector<int>(5, 0)));
  // With the least normal in the block E is 1, and the subnormals beside it are still lost.
  x[0] = 0x1p-126f;
  std::vector<int> expected(17, 0);
  expected[0] = 1;
  expected[1] = 0x40;
  EXPECT_THAT(encoded(Format::bfp8, x), ElementsAreArray(expected));
}

TEST(BlockFloatByHand, Exponent255ReadsBackLargeAndFinite) {
  Block x{};
  x[0] = kInfinity;                          // significand 0x800000 >> 17 = 64
  x[1] = -kInfinity;                         // sign and 64
  x[2] = std::bit_cast<float>(0x7FC00000u);  // 0xC00000 >> 17 = 96
  x[3] = std::bit_cast<float>(0xFFFFFFFFu);  // 127.99: saturates at 127, sign set
  x[4] = kLargest;                           // one binade lower: 63.99 -> 64
  x[5] = 0x1p127f;                           // 32
  x[6] = -0x1.f8p126f;                       // two binades lower: 0xFC0000 >> 2 >> 17 = 31.5 -> the even 32
  x[7] = 1.0f;                               // shifted by 128: gone
  const std::vector<int> bytes = {255, 0x40, 0xC0, 0x60, 0xFF, 0x40, 0x20, 0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  ASSERT_THAT(encoded(Format::bfp8, x), ElementsAreArray(bytes));
  Block back;
  round_row(Format::bfp8, x.data(), kBlockElements, back.data());
  EXPECT_THAT(back, ElementsAreArray({kLargest, -kLargest, kLargest, -kLargest, kLargest, 0x1p127f, -0x1p127f, 0.0f,
                                      0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f}));
}

// Every code under every exponent: the value by ldexp in double, with the two ends cut as the header says.
TEST(BlockFloatExhaustive, DecodesEveryCodeOfEveryExponent) {
  for (const int bits : kWidths) {
    for (int exponent = 0; exponent < 256; ++exponent) {
      for (int first = 0; first < 2 << bits; first += kBlockElements) {
        std::array<std::uint8_t, kBlockElements> codes;
        for (int i = 0; i < kBlockElements; ++i) codes[i] = static_cast<std::uint8_t>((first + i) % (2 << bits));
        Block decoded;
        decode_block(bits, static_cast<std::uint8_t>(exponent), codes.data(), decoded.data());
        for (int i = 0; i < kBlockElements; ++i) {
          double expected = std::ldexp(codes[i] % (1 << bits), exponent - 127 - (bits - 1));
          if (expected < 0x1p-126) expected = 0;
          expected = std::min(expected, static_cast<double>(kLargest));
          ASSERT_EQ(std::abs(decoded[i]), expected) << bits << " bits, E " << exponent << ", code " << int{codes[i]};
          ASSERT_EQ(std::signbit(decoded[i]), codes[i] >> bits == 1);
          ASSERT_EQ(
              std::bit_cast<std::uint32_t>(decoded[i]),
              std::bit_cast<std::uint32_t>(block_float_value(bits, static_cast<std::uint8_t>(exponent), codes[i])));
        }
      }
    }
  }
}

// The published rule, transcribed step by step in integers.
int published_code(int bits, int shared, std::uint32_t word) {
  const int field = static_cast<int>(word >> 23 & 0xFF);
  std::uint64_t significand = 0x800000u | (word & 0x7FFFFFu);
  const int gap = shared - field;
  significand = gap >= 32 ? 0 : significand >> gap;
  const int shift = 24 - bits;
  std::uint64_t code = significand >> shift;
  const std::uint64_t rest = significand & ((1u << shift) - 1);
  const std::uint64_t half = std::uint64_t{1} << (shift - 1);
  if (rest > half || (rest == half && code % 2 == 1)) ++code;
  code = std::min<std::uint64_t>(code, (1u << bits) - 1);
  if (field == 0) code = 0;
  return code == 0 ? 0 : static_cast<int>((word >> 31) << bits | code);
}

TEST(BlockFloatRandom, EncodesByThePublishedRule) {
  Rng rng(11);
  for (int draw = 0; draw < 60000; ++draw) {
    // Shared exponents of the whole range, with weight on both ends, where the codec changes its method.
    const std::int64_t top = draw % 3 == 0 ? rng.below(30) : draw % 3 == 1 ? 245 + rng.below(11) : rng.below(256);
    const std::int64_t spread = 1 + rng.below(40);
    Block x;
    int shared = 0;
    for (float& value : x) {
      const auto field = static_cast<std::uint32_t>(std::max<std::int64_t>(0, top - rng.below(spread)));
      // Few fraction bits make ties frequent.
      const std::uint32_t fraction = rng.next_u32() & (draw % 2 == 0 ? 0x7FFFFFu : 0x7C0001u);
      value = std::bit_cast<float>((rng.next_u32() & 0x80000000u) | field << 23 | fraction);
      shared = std::max(shared, static_cast<int>(field));
    }
    for (const int bits : kWidths) {
      std::uint8_t exponent = 0;
      std::array<std::uint8_t, kBlockElements> codes;
      encode_block(bits, x.data(), exponent, codes.data());
      ASSERT_EQ(exponent, shared);
      for (int i = 0; i < kBlockElements; ++i)
        ASSERT_EQ(codes[i], published_code(bits, shared, std::bit_cast<std::uint32_t>(x[i])))
            << bits << " bits, E " << shared << ", x " << std::hexfloat << x[i];
    }
  }
}

// What was stored once does not move when it is stored again, except that dropping -0 is already done.
TEST(BlockFloatRandom, StoringAgainChangesNothing) {
  Rng rng(12);
  for (const Format format : {Format::bfp8, Format::bfp4, Format::bfp2}) {
    std::vector<float> x(16 * 500);
    for (float& value : x) value = rng.normal() * std::exp2(rng.uniform(-20.0f, 20.0f));
    std::vector<float> once(x.size()), twice(x.size());
    round_row(format, x.data(), static_cast<std::int64_t>(x.size()), once.data());
    round_row(format, once.data(), static_cast<std::int64_t>(x.size()), twice.data());
    EXPECT_EQ(once, twice) << format_name(format);
  }
}

TEST(BlockFloat, RefusesAnUnknownWidth) {
  Block x{};
  std::uint8_t exponent = 0;
  std::array<std::uint8_t, kBlockElements> codes{};
  EXPECT_EQ(testing::expect_error([&] { encode_block(5, x.data(), exponent, codes.data()); }).category(),
            Category::kInternal);
  EXPECT_EQ(testing::expect_error([&] { decode_block(0, exponent, codes.data(), x.data()); }).category(),
            Category::kInternal);
}

}  // namespace
}  // namespace firstlight
