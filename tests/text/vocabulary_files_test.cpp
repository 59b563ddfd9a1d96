// Tokenizers of other files than tokenizer.json against their own libraries (tools/make_vocabulary_goldens.py), and
// what is refused of them.
#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

#include "firstlight/base/file.h"
#include "firstlight/base/json.h"
#include "firstlight/text/sentencepiece.h"
#include "firstlight/text/stream_decoder.h"
#include "firstlight/text/tokenizer_parts.h"
#include "text/cases.h"

namespace firstlight::text::testing {
namespace {

std::filesystem::path files() { return data_dir() / "tokenizers" / "files"; }

TEST(VocabularyFiles, SentencePieceModels) {
  const Json golden = read_json_file(files() / "sentencepiece" / "cases.json");
  ASSERT_EQ(golden["models"].size(), 6u);
  for (const Json& model : golden["models"]) {
    SCOPED_TRACE(model["file"]);
    const Tokenizer tokenizer = Tokenizer::load(files() / "sentencepiece" / model["file"].get<std::string>());
    ASSERT_GT(model["cases"].size(), 40u);
    for (const Json& entry : model["cases"])
      EXPECT_EQ(
          tokenizer.encode(entry["text"].get<std::string>(), {.add_special_tokens = false, .parse_special = false}),
          ids_of(entry["ids"]))
          << entry["text"];
  }
}

TEST(VocabularyFiles, SentencePieceSpecialTokensAndText) {
  const Tokenizer tokenizer = Tokenizer::load(files() / "sentencepiece" / "1.model");
  const auto control = tokenizer.id_of("<c>");
  ASSERT_TRUE(control.has_value());
  EXPECT_TRUE(tokenizer.is_special(*control));
  const Ids ids = tokenizer.encode("the<c>the");
  EXPECT_EQ(std::count(ids.begin(), ids.end(), *control), 1);
  EXPECT_EQ(tokenizer.decode(ids, true), "the the");  // each stretch has its dummy prefix; the first goes
}

TEST(VocabularyFiles, ClassesOfTransformers) {
  for (const char* name : {"gpt2", "qwen2", "clip", "tiktoken", "rwkv"}) {
    SCOPED_TRACE(name);
    const Tokenizer tokenizer = Tokenizer::load(files() / name);
    const Json golden = read_json_file(files() / name / "cases.json");
    ASSERT_GT(golden["cases"].size(), 40u);
    for (const Json& entry : golden["cases"]) {
      const Ids ids = tokenizer.encode(entry["text"].get<std::string>());
      EXPECT_EQ(ids, ids_of(entry["ids"])) << entry["text"];
      EXPECT_EQ(tokenizer.decode(ids, false), entry["decoded"].get<std::string>()) << entry["text"];
    }
  }
}

// Four control characters of ASCII are white space to Python, though not to Unicode.
TEST(VocabularyFiles, CaptionsAreStrippedAsPythonStrips) {
  const Tokenizer tokenizer = Tokenizer::load(files() / "clip");
  const Ids ids = tokenizer.encode("\x1c a\x1f \x1e", {.add_special_tokens = false});
  EXPECT_EQ(ids.size(), 4u);
  EXPECT_EQ(tokenizer.decode(ids, false), "a");
}

TEST(VocabularyFiles, RandomComponents) {
  const Json golden = read_json_file(files() / "components.json");
  std::size_t checked = 0;
  for (const Json& entry : golden["tokenizers"]) {
    SCOPED_TRACE(entry["name"]);
    const Tokenizer tokenizer = make_tokenizer(entry["tokenizer"]);
    for (const Json& request : entry["cases"]) {
      const Json& expected = request["expected"];
      if (expected.contains("error")) {
        EXPECT_THROW(tokenizer.encode(request["text"].get<std::string>()), Error) << json_text(request);
        continue;
      }
      const Ids ids = request.contains("ids")
                          ? ids_of(request["ids"])
                          : tokenizer.encode(request["text"].get<std::string>(),
                                             {.add_special_tokens = request["special"].get<bool>()});
      EXPECT_EQ(ids, ids_of(expected["ids"])) << json_text(request);
      EXPECT_EQ(tokenizer.decode(ids, false), expected["text"].get<std::string>()) << json_text(request);
      EXPECT_EQ(tokenizer.decode(ids, true), expected["text_without_special"].get<std::string>()) << json_text(request);
      ++checked;
    }
  }
  EXPECT_GT(checked, 200u);
}

// ---- hostile files ----
struct BadFile {
  std::string text;
  Category category;
  const char* names;
};
constexpr const char* kFileWhere = "tokenizer.model";

void expect_refused(const std::vector<BadFile>& cases, const std::function<void(const std::string&)>& read) {
  for (const BadFile& bad : cases) {
    SCOPED_TRACE(json_text(Json(bad.text), -1, true));
    const Error error = expect_error([&] { read(bad.text); });
    EXPECT_EQ(error.category(), bad.category) << error.what();
    EXPECT_THAT(error.what(), ::testing::HasSubstr(bad.names));
  }
}

std::string field(int number, const std::string& bytes) {
  return std::string(1, static_cast<char>(number << 3 | 2)) + static_cast<char>(bytes.size()) + bytes;
}
std::string varint(int number, char value) { return std::string(1, static_cast<char>(number << 3)) + value; }
std::string piece(const std::string& text, char type) { return field(1, field(1, text) + varint(3, type)); }

TEST(VocabularyFiles, DamagedSentencePieceModels) {
  const std::string unknown = piece("<unk>", 2);
  expect_refused(
      {
          {"", Category::kBadInput, "unknown"},
          {"\x0A\x7F\x0A", Category::kBadInput, "127 bytes"},
          {std::string("\x0A\x03\x0A\x05") + "a", Category::kBadInput, "piece 0"},
          {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", Category::kBadInput, "64 bits"},
          {"\x0B", Category::kBadInput, "wire type 3"},
          {std::string(1, '\x0D'), Category::kBadInput, "ends inside"},
          {std::string("\x00\x01", 2), Category::kBadInput, "field number 0"},
          {varint(1, 1), Category::kBadInput, "expected bytes"},
          {unknown + unknown, Category::kBadInput, "found 2"},
          {unknown + piece("", 1), Category::kBadInput, "piece 1"},
          {unknown + piece("\xFF", 1), Category::kBadInput, "UTF-8"},
          {unknown + piece("a", 1) + piece("a", 1), Category::kBadInput, "twice"},
          {unknown + piece("a", 9), Category::kUnsupported, "type 9"},
          {unknown + piece("a", 5), Category::kUnsupported, "unused"},
          {unknown + field(2, varint(3, 4)), Category::kUnsupported, "char"},
          {unknown + field(2, std::string("\x98\x02\x01", 3)), Category::kBadInput, "<0x00>"},
          {unknown + field(3, field(2, "ab")), Category::kBadInput, "character map"},
          {unknown + field(1, field(1, "a") + std::string("\x15\x00\x00\xC0\x7F", 5)), Category::kBadInput, "finite"},
      },
      [](const std::string& text) { read_sentencepiece(text, kFileWhere, true); });
}

TEST(VocabularyFiles, DamagedRankFiles) {
  expect_refused({{"", Category::kBadInput, "no ranks"},
                  {"IQ== 0\nIg==\n", Category::kBadInput, "line 2"},
                  {"IQ= 0\n", Category::kBadInput, "line 1"},
                  {"I!== 0\n", Category::kBadInput, "line 1"},
                  {" 0\n", Category::kBadInput, "line 1"},
                  {"IQ== x\n", Category::kBadInput, "line 1"},
                  {"IQ== 99999999999999999999\n", Category::kBadInput, "line 1"},
                  {"IQ== -1\n", Category::kBadInput, "-1"},
                  {"IQ== 0\nIQ== 1\n", Category::kBadInput, "twice"},
                  {"IQ== 0\nIg== 0\n", Category::kBadInput, "twice"}},
                 [](const std::string& text) { read_tiktoken(text, kFileWhere); });
}

TEST(VocabularyFiles, DamagedWorldVocabularies) {
  expect_refused({{"", Category::kBadInput, "no pieces"},
                  {"1 'a' 2\n", Category::kBadInput, "line 1"},
                  {"1 'a'\n", Category::kBadInput, "line 1"},
                  {"1 a 1\n", Category::kBadInput, "line 1"},
                  {"1 'a'b' 3\n", Category::kBadInput, "line 1"},
                  {"1 '\\' 1\n", Category::kBadInput, "line 1"},
                  {"1 '\\q' 1\n", Category::kBadInput, "line 1"},
                  {"1 '\\ud800' 3\n", Category::kBadInput, "line 1"},
                  {"1 '\\x4' 1\n", Category::kBadInput, "line 1"},
                  {"1 b'\\u0041' 1\n", Category::kBadInput, "line 1"},
                  {"x 'a' 1\n", Category::kBadInput, "line 1"},
                  {"1 'a' 1\n1 'b' 1\n", Category::kBadInput, "twice"}},
                 [](const std::string& text) { read_rwkv_vocabulary(text, kFileWhere); });
  const TokenizerParts parts = read_rwkv_vocabulary("7 'a' 1\n8 b'\\xe9' 1\n9 \"'\\n\" 2\n", kFileWhere);
  Ids ids;
  parts.model->encode("aéa'Ċ", ids);
  EXPECT_EQ(ids, (Ids{7, 8, 7, 9}));
}

TEST(VocabularyFiles, DamagedVocabAndMerges) {
  const auto read = [](const std::string& vocab, const std::string& merges, const Json& config) {
    read_vocab_and_merges(vocab, "vocab.json", merges, "merges.txt", config, "tokenizer_config.json");
  };
  const auto refused = [&](const std::string& vocab, const std::string& merges, const Json& config) {
    return expect_error([&] { read(vocab, merges, config); });
  };
  read(R"({"a":0,"b":1,"ab":2})", "#version: 0.2\na b\n", Json::object());
  EXPECT_EQ(refused("[]", "", Json::object()).category(), Category::kBadInput);
  EXPECT_EQ(refused("{", "", Json::object()).category(), Category::kBadInput);
  EXPECT_EQ(refused(R"({"a":0})", "a\n", Json::object()).category(), Category::kBadInput);
  EXPECT_EQ(refused(R"({"a":0})", "a b\n", Json::object()).category(), Category::kBadInput);
  EXPECT_EQ(refused(R"({"a":0})", "a a a\n", Json::object()).category(), Category::kBadInput);
  const Error error = refused(R"({"a":0})", "", {{"tokenizer_class", "NovelTokenizerFast"}});
  EXPECT_EQ(error.category(), Category::kUnsupported);
  EXPECT_THAT(error.what(), ::testing::HasSubstr("NovelTokenizer"));
  EXPECT_EQ(refused(R"({"a":0})", "", {{"tokenizer_class", "CLIPTokenizer"}}).category(), Category::kMismatch);
}

TEST(VocabularyFiles, AFolderWithout) {
  const auto folder = firstlight::testing::scratch_dir("vocabulary_files");
  EXPECT_FALSE(Tokenizer::exists(folder));
  EXPECT_EQ(expect_error([&] { Tokenizer::load(folder); }).category(), Category::kBadInput);
  write_text_file(folder / "tokenizer.model", "IQ== 0\nIg== 1\n");
  EXPECT_TRUE(Tokenizer::exists(folder));
  EXPECT_EQ(Tokenizer::load(folder).encode("\"!"), (Ids{1, 0}));
}

}  // namespace
}  // namespace firstlight::text::testing
