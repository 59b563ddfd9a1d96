// Streams add up to the whole text, in whole characters.
#include "firstlight/text/stream_decoder.h"

#include "firstlight/base/rng.h"
#include "firstlight/text/unicode.h"
#include "text/cases.h"

namespace firstlight::text::testing {
namespace {

std::vector<std::string> streamed(const Tokenizer& tokenizer, const Ids& ids, bool skip) {
  StreamDecoder stream(tokenizer, skip);
  std::vector<std::string> parts;
  for (const std::int32_t id : ids) parts.push_back(stream.push(id));
  parts.push_back(stream.finish());
  return parts;
}

void expect_stream_equals_decode(const Tokenizer& tokenizer, std::uint64_t seed) {
  Rng rng(seed);
  for (int round = 0; round < 400; ++round) {
    Ids ids(static_cast<std::size_t>(rng.below(16)));
    // Half of the ids are small: bytes and single characters, where streams go wrong.
    for (std::int32_t& id : ids)
      id = static_cast<std::int32_t>(rng.below(rng.below(2) == 0 ? 280 : tokenizer.vocab_size() + 3));
    for (const bool skip : {false, true}) {
      std::string joined;
      for (const std::string& part : streamed(tokenizer, ids, skip)) {
        EXPECT_TRUE(is_valid_utf8(part));
        joined += part;
      }
      EXPECT_EQ(joined, tokenizer.decode(ids, skip)) << "seed " << seed << " round " << round;
    }
  }
}

TEST(StreamDecoder, EqualsDecodeOnRandomIds) {
  expect_stream_equals_decode(Tokenizer::load(source_dir() / "models" / "phi3-nano"), 1);
  expect_stream_equals_decode(Tokenizer::load(data_dir() / "tokenizers" / "byte_level"), 2);
  const Json file = read_json_file(data_dir() / "tokenizers" / "pipelines.json");
  std::uint64_t seed = 3;
  for (const Json& pipeline : file["pipelines"])
    expect_stream_equals_decode(make_tokenizer(pipeline["tokenizer"]), seed++);
}

TEST(StreamDecoder, WholeTextsOfTheGoldenCases) {
  const auto folder = data_dir() / "tokenizers" / "byte_level";
  const Tokenizer tokenizer = Tokenizer::load(folder);
  const Json cases = read_json_file(folder / "cases.json");
  for (const Json& entry : cases["cases"]) {
    std::string joined;
    for (const std::string& part : streamed(tokenizer, ids_of(entry["ids"]), false)) joined += part;
    EXPECT_EQ(joined, entry["decoded"].get<std::string>());
  }
}

TEST(StreamDecoder, ByteLevelCharactersComeOutWhole) {
  const Tokenizer tokenizer = Tokenizer::load(data_dir() / "tokenizers" / "byte_level");
  const Ids ids = tokenizer.encode("a😀b");
  ASSERT_EQ(ids.size(), 6u);  // four bytes between two letters
  EXPECT_EQ(streamed(tokenizer, ids, true), (std::vector<std::string>{"a", "", "", "", "😀", "b", ""}));
  // Cut off inside the character: U+FFFD at the end, once.
  EXPECT_EQ(streamed(tokenizer, Ids(ids.begin(), ids.begin() + 3), true),
            (std::vector<std::string>{"a", "", "", "\uFFFD"}));
}

TEST(StreamDecoder, ByteFallbackRunsWaitForTheirEnd) {
  const Tokenizer tokenizer = Tokenizer::load(source_dir() / "models" / "phi3-nano");
  const Ids ids = tokenizer.encode("漢a");
  ASSERT_EQ(ids.size(), 5u);  // the prefix, three bytes, a letter
  EXPECT_EQ(streamed(tokenizer, ids, true), (std::vector<std::string>{"", "", "", "", "漢a", ""}));
  const std::int32_t byte = *tokenizer.id_of("<0xE6>");
  EXPECT_EQ(streamed(tokenizer, {ids[1], ids[2], ids[3], byte}, true).back(), "\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST(StreamDecoder, IsReadyForTheNextTextAfterFinish) {
  const Tokenizer tokenizer = Tokenizer::load(source_dir() / "models" / "phi3-nano");
  const Ids ids = tokenizer.encode("Hello");
  StreamDecoder stream(tokenizer);
  for (int text = 0; text < 2; ++text) {
    std::string joined;
    for (const std::int32_t id : ids) joined += stream.push(id);
    EXPECT_EQ(joined + stream.finish(), "Hello");  // the leading space is cut off each time
  }
}

}  // namespace
}  // namespace firstlight::text::testing
