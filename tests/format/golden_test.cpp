// Bytes made by the second implementation, tools/block_float_plain.py.
#include <gtest/gtest.h>

#include <bit>
#include <span>
#include <string>
#include <vector>

#include "firstlight/base/json.h"
#include "firstlight/format/block_float.h"
#include "firstlight/format/tile.h"
#include "testing/testing.h"

namespace firstlight {
namespace {

const char* const kBlockFormats[] = {"bfp8", "bfp4", "bfp2"};

const Json& golden() {
  static const Json json = read_json_file(testing::source_dir() / "tests" / "data" / "format_golden.json");
  return json;
}

std::vector<std::uint32_t> words(const Json& hex) {
  const auto& text = hex.get_ref<const std::string&>();
  std::vector<std::uint32_t> result;
  for (std::size_t at = 0; at < text.size(); at += 8)
    result.push_back(static_cast<std::uint32_t>(std::stoul(text.substr(at, 8), nullptr, 16)));
  return result;
}

std::vector<float> floats(const Json& hex) {
  std::vector<float> result;
  for (const std::uint32_t word : words(hex)) result.push_back(std::bit_cast<float>(word));
  return result;
}

std::string to_hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return text;
}

std::string encoded(Format format, const std::vector<float>& x) {
  const auto n = static_cast<std::int64_t>(x.size());
  std::vector<std::byte> bytes(static_cast<std::size_t>(row_bytes(format, n)));
  row(format).encode(x.data(), n, bytes.data());
  return to_hex(bytes);
}

TEST(FormatGolden, BlocksAndWhatTheyReadBackAs) {
  ASSERT_GE(golden()["blocks"].size(), 30u);
  for (const Json& block : golden()["blocks"]) {
    const std::vector<float> x = floats(block["x"]);
    for (const std::string name : kBlockFormats) {
      const Format format = *find_format(name);
      EXPECT_EQ(encoded(format, x), block[name].get<std::string>()) << name << ", " << block["name"];
      std::vector<float> back(x.size());
      round_row(format, x.data(), kBlockElements, back.data());
      std::vector<std::uint32_t> back_words;
      for (const float value : back) back_words.push_back(std::bit_cast<std::uint32_t>(value));
      EXPECT_EQ(back_words, words(block[name + " back"])) << name << ", " << block["name"];
    }
  }
}

TEST(FormatGolden, RowsOfSeveralBlocks) {
  ASSERT_FALSE(golden()["rows"].empty());
  for (const Json& case_ : golden()["rows"])
    for (const std::string name : kBlockFormats)
      EXPECT_EQ(encoded(*find_format(name), floats(case_["x"])), case_[name].get<std::string>()) << name;
}

TEST(FormatGolden, Tiles) {
  int compared = 0;
  for (const Json& case_ : golden()["tiles"]) {
    const auto rows = case_["rows"].get<std::int64_t>();
    const auto cols = case_["cols"].get<std::int64_t>();
    const std::vector<float> x = floats(case_["x"]);
    for (const FormatRow& info : formats()) {
      if (!case_.contains(info.name)) continue;
      std::vector<std::byte> bytes(static_cast<std::size_t>(tiled_bytes(info.id, rows, cols)));
      encode_tiles(info.id, x.data(), rows, cols, cols, bytes.data());
      EXPECT_EQ(to_hex(bytes), case_[std::string(info.name)].get<std::string>()) << info.name;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 6);
}

}  // namespace
}  // namespace firstlight
