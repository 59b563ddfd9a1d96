// The format table: names, sizes, every row's codec on ordinary and extreme values.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "firstlight/base/rng.h"
#include "firstlight/format/format.h"
#include "testing/testing.h"

namespace firstlight {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> rounded(Format format, const std::vector<float>& x) {
  std::vector<float> result(x.size());
  round_row(format, x.data(), static_cast<std::int64_t>(x.size()), result.data());
  return result;
}

TEST(FormatTable, FindsEveryRowByNameAndId) {
  EXPECT_EQ(formats().size(), 10u);
  for (const FormatRow& info : formats()) {
    EXPECT_EQ(&row(info.id), &info);
    EXPECT_EQ(find_format(info.name), info.id);
    EXPECT_EQ(format_name(info.id), info.name);
  }
  EXPECT_EQ(find_format("bfp8"), Format::bfp8);
  EXPECT_EQ(find_format("f64"), Format::f64);
  EXPECT_FALSE(find_format("bfp16").has_value());
  EXPECT_FALSE(find_format("").has_value());
  EXPECT_TRUE(row(Format::bfp2).is_float);
  EXPECT_TRUE(row(Format::f64).is_float);
  EXPECT_FALSE(row(Format::u8).is_float);
}

TEST(FormatTable, CountsBytesOfARow) {
  EXPECT_EQ(row_bytes(Format::f32, 3), 12);
  EXPECT_EQ(row_bytes(Format::bf16, 3), 6);
  EXPECT_EQ(row_bytes(Format::i64, 3), 24);
  EXPECT_EQ(row_bytes(Format::bfp8, 0), 0);
  EXPECT_EQ(row_bytes(Format::bfp8, 1), 17);
  EXPECT_EQ(row_bytes(Format::bfp8, 17), 34);
  EXPECT_EQ(row_bytes(Format::bfp4, 64), 36);
  EXPECT_EQ(row_bytes(Format::bfp2, 64), 20);
  EXPECT_EQ(testing::expect_error([] { row_bytes(Format::f32, -1); }).category(), Category::kInternal);
  EXPECT_EQ(testing::expect_error([] { row_bytes(Format::f64, std::int64_t{1} << 60); }).category(),
            Category::kInternal);
}

// encode writes row_bytes and not one more; decode reads no further either (the sanitizer build sees that).
TEST(FormatTable, StaysWithinItsBytes) {
  Rng rng(1);
  for (const FormatRow& info : formats()) {
    for (const std::int64_t n : {0, 1, 2, 15, 16, 17, 31, 255, 256, 257, 1000}) {
      std::vector<float> x(static_cast<std::size_t>(n));
      for (float& value : x) value = rng.uniform(0.0f, 100.0f);
      const auto size = static_cast<std::size_t>(row_bytes(info.id, n));
      std::vector<std::byte> bytes(size + 1, std::byte{0x5A});
      info.encode(x.data(), n, bytes.data());
      EXPECT_EQ(bytes[size], std::byte{0x5A}) << info.name << " " << n;
      bytes.resize(size);
      bytes.shrink_to_fit();
      std::vector<float> back(x.size() + 1, -5.0f);
      info.decode(bytes.data(), n, back.data());
      EXPECT_EQ(back.back(), -5.0f) << info.name << " " << n;
      back.pop_back();
      EXPECT_EQ(back, rounded(info.id, x)) << info.name << " " << n;
    }
  }
}

TEST(FormatTable, RoundsInPlace) {
  Rng rng(2);
  for (const FormatRow& info : formats()) {
    std::vector<float> x(1000);
    for (float& value : x) value = 40.0f * rng.normal();
    const std::vector<float> expected = rounded(info.id, x);
    round_row(info.id, x.data(), static_cast<std::int64_t>(x.size()), x.data());
    EXPECT_EQ(x, expected) << info.name;
  }
}

TEST(FormatTable, WideFloatsHoldEveryFloat) {
  Rng rng(3);
  for (const Format format : {Format::f32, Format::f64}) {
    for (int draw = 0; draw < 10000; ++draw) {
      const std::uint32_t bits = rng.next_u32();
      const float x = std::bit_cast<float>(bits);
      const float back = rounded(format, {x})[0];
      if (std::isnan(x)) {
        ASSERT_TRUE(std::isnan(back));
      } else {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(back), bits);
      }
    }
  }
}

TEST(FormatTable, IntegersRoundToNearestAndClamp) {
  EXPECT_EQ(rounded(Format::u8, {-1.0f, 0.49f, 0.5f, 1.5f, 2.5f, 254.6f, 255.5f, 1e9f, -kInfinity, kNan}),
            (std::vector<float>{0, 0, 0, 2, 2, 255, 255, 255, 0, 0}));
  EXPECT_EQ(rounded(Format::i32, {-7.0f, 16777217.0f, 3e9f, -3e9f, kInfinity, kNan, -0.5f}),
            (std::vector<float>{-7, 16777216, 0x1p31f, -0x1p31f, 0x1p31f, 0, 0}));
  EXPECT_EQ(rounded(Format::i64, {1e18f, 1e19f, -1e19f, -3.5f}), (std::vector<float>{1e18f, 0x1p63f, -0x1p63f, -4.0f}));
  std::int32_t stored = 0;
  const float huge = 1e30f;
  row(Format::i32).encode(&huge, 1, reinterpret_cast<std::byte*>(&stored));
  EXPECT_EQ(stored, std::numeric_limits<std::int32_t>::max());
}

}  // namespace
}  // namespace firstlight
