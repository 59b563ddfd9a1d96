// Frequencies against those that transformers computes (tests/golden/rope_frequencies.json, tools/rope_frequencies.py),
// tables against their definition.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "firstlight/base/json.h"
#include "firstlight/io/config.h"
#include "firstlight/nn/rope_frequencies.h"
#include "firstlight/nn/rope_tables.h"
#include "testing/testing.h"

namespace firstlight::testing {
namespace {

using nn::RopeFrequencies;

std::int32_t bits(float value) {
  std::int32_t result = 0;
  std::memcpy(&result, &value, sizeof(result));
  return result;
}

// Steps of f32 between two positive numbers.
int ulps(float a, float b) { return std::abs(bits(a) - bits(b)); }

RopeFrequencies frequencies(const Json& config, std::int64_t length) {
  const io::Config parsed = io::Config::parse(json_text(config), "config");
  const auto head_dim = parsed.integer("head_dim");
  return nn::rope_frequencies(io::parse_rope_config(parsed), head_dim, length, parsed.file());
}

TEST(RopeFrequencies, EqualTransformers) {
  const Json golden = read_json_file(source_dir() / "tests" / "golden" / "rope_frequencies.json");
  // pow of that library is within 1 ulp of the exact value, ours is the nearest: with the reciprocal after it (whose
  // relative error is the same, but whose ulp may be half as large) the two are at most 2 apart, and 1 more where the
  // base itself is a product with a power in it.
  constexpr int kUlps = 2;
  std::size_t checked = 0;
  for (const Json& setting : golden.at("settings")) {
    SCOPED_TRACE(setting.at("name").get<std::string>());
    const std::int64_t length = setting.at("length").is_null() ? 0 : setting.at("length").get<std::int64_t>();
    const auto want = setting.at("inv_freq").get<std::vector<float>>();
    for (const char* spelling : {"config", "config_old_spelling"}) {
      const RopeFrequencies got = frequencies(setting.at(spelling), length);
      ASSERT_EQ(got.inv_freq.size(), want.size());
      for (std::size_t i = 0; i < want.size(); ++i) {
        EXPECT_LE(ulps(got.inv_freq[i], want[i]), kUlps) << spelling << " " << i << ": " << got.inv_freq[i];
      }
      EXPECT_DOUBLE_EQ(got.attention_factor, setting.at("attention_factor").get<double>());
      ++checked;
    }
  }
  EXPECT_GE(checked, 50U);
}

io::RopeConfig long_rope(std::size_t shorts, std::size_t longs) {
  io::RopeConfig config;
  config.type = io::RopeType::kLongRope;
  config.max_position = 64;
  config.original_max_position = 16;
  config.factor = 4;
  config.short_factor.assign(shorts, 1.5);
  config.long_factor.assign(longs, 3);
  return config;
}

TEST(RopeFrequencies, LengthChoosesTheFactors) {
  EXPECT_FLOAT_EQ(nn::rope_frequencies(long_rope(2, 2), 4, 16, "c").inv_freq[0], 1 / 1.5F);
  EXPECT_FLOAT_EQ(nn::rope_frequencies(long_rope(2, 2), 4, 17, "c").inv_freq[0], 1 / 3.0F);
  EXPECT_TRUE(nn::depends_on_length(io::RopeType::kLongRope));
  EXPECT_TRUE(nn::depends_on_length(io::RopeType::kDynamic));
  EXPECT_FALSE(nn::depends_on_length(io::RopeType::kYarn));
}

TEST(RopeFrequencies, ListsMustFit) {
  const Error shorts = expect_error([] { nn::rope_frequencies(long_rope(3, 2), 4, 16, "config.json"); });
  EXPECT_EQ(shorts.category(), Category::kBadInput);
  EXPECT_NE(shorts.message().find("short_factor holds 3"), std::string::npos) << shorts.message();
  const Error longs = expect_error([] { nn::rope_frequencies(long_rope(2, 1), 4, 16, "config.json"); });
  EXPECT_NE(longs.message().find("long_factor holds 1"), std::string::npos) << longs.message();
  EXPECT_EQ(longs.where(), "config.json");
}

TEST(RopeFrequencies, RotationMustFitTheHead) {
  io::RopeConfig config;
  config.partial_rotary_factor = 0.1;  // 0.4 of a dimension
  EXPECT_EQ(expect_error([&] { nn::rope_frequencies(config, 4, 0, "c"); }).category(), Category::kUnsupported);
  config.partial_rotary_factor = 1;  // of 5: three pairs
  EXPECT_EQ(expect_error([&] { nn::rope_frequencies(config, 5, 0, "c"); }).category(), Category::kUnsupported);
  config.type = io::RopeType::kDynamic;  // 2 / (2 - 2)
  EXPECT_EQ(expect_error([&] { nn::rope_frequencies(config, 2, 0, "c"); }).category(), Category::kUnsupported);
  config.type = io::RopeType::kYarn;
  config.partial_rotary_factor = 0.75;  // 3 of 4
  EXPECT_EQ(expect_error([&] { nn::rope_frequencies(config, 4, 0, "c"); }).category(), Category::kUnsupported);
}

TEST(RopeTables, HoldRoundedCosAndSin) {
  const RopeFrequencies frequencies{{1.0F, 0.1F}, 1.25};
  std::vector<float> cos;
  std::vector<float> sin;
  nn::append_rope_rows(frequencies, 4, cos, sin);
  ASSERT_EQ(cos.size(), 8U);
  EXPECT_EQ(cos[0], 1.25F);
  EXPECT_EQ(sin[0], 0.0F);
  EXPECT_EQ(cos[2], static_cast<float>(std::cos(1.0)) * 1.25F);
  const float angle = 3 * 0.1F;  // rounded to f32 before the sine is taken
  EXPECT_EQ(sin[7], static_cast<float>(std::sin(static_cast<double>(angle))) * 1.25F);
  nn::append_rope_rows(frequencies, 1, cos, sin);
  EXPECT_EQ(cos[8], cos[0]);
}

}  // namespace
}  // namespace firstlight::testing
