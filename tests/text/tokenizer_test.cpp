// Rules of the pipeline on tokenizers small enough to work out by hand.
#include "firstlight/base/json.h"
#include "firstlight/text/tokenizer.h"

#include <gmock/gmock.h>

#include "firstlight/base/file.h"
#include "text/cases.h"

namespace firstlight::text::testing {
namespace {

Json added(int id, const std::string& content, const Json& flags = Json::object()) {
  Json token = {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
                {"rstrip", false}, {"normalized", false}, {"special", false}};
  for (const auto& [key, value] : flags.items()) token[key] = value;
  return token;
}

TEST(Bpe, MergesByRankThenLeftmost) {
  const Tokenizer tokenizer = make_tokenizer(tokenizer_json({"a", "b", "ab", "aa", "aab"}, {"a b", "a a", "aa b"}));
  EXPECT_EQ(tokenizer.encode("ab"), (Ids{2}));
  EXPECT_EQ(tokenizer.encode("aab"), (Ids{0, 2}));  // a b goes first, so that aa b never can
  EXPECT_EQ(tokenizer.encode("aaa"), (Ids{3, 0}));
  EXPECT_EQ(tokenizer.encode("aaaa"), (Ids{3, 3}));
  EXPECT_EQ(tokenizer.encode("axb"), (Ids{2}));  // no piece and no unknown piece: x is lost, and its neighbours meet
}

TEST(Bpe, MergesAsPairs) {
  Json json = tokenizer_json({"a", " ", "a "}, {});
  json["model"]["merges"] = Json::array({Json::array({"a", " "})});
  EXPECT_EQ(make_tokenizer(json).encode("a a"), (Ids{2, 0}));
}

TEST(Bpe, UnknownPieces) {
  const std::vector<std::string> vocabulary = {"?", "a"};
  EXPECT_EQ(make_tokenizer(tokenizer_json(vocabulary, {}, {{"model", {{"unk_token", "?"}}}})).encode("xya"),
            (Ids{0, 0, 1}));
  EXPECT_EQ(make_tokenizer(tokenizer_json(vocabulary, {}, {{"model", {{"unk_token", "?"}, {"fuse_unk", true}}}}))
                .encode("xya"),
            (Ids{0, 1}));
  const Tokenizer missing = make_tokenizer(tokenizer_json({"a"}, {}, {{"model", {{"unk_token", "?"}}}}));
  EXPECT_EQ(missing.encode("aa"), (Ids{0, 0}));
  EXPECT_EQ(expect_error([&] { missing.encode("b"); }).category(), Category::kBadInput);
}

TEST(Bpe, ByteFallbackNeedsEveryByte) {
  const Tokenizer tokenizer = make_tokenizer(
      tokenizer_json({"?", "<0xC3>", "<0xA9>"}, {}, {{"model", {{"unk_token", "?"}, {"byte_fallback", true}}}}));
  EXPECT_EQ(tokenizer.encode("éè"), (Ids{1, 2, 0}));
}

// A whole text is one word where nothing splits it; this would take hours if merging were quadratic.
TEST(Bpe, LongWords) {
  const Tokenizer tokenizer = make_tokenizer(tokenizer_json({"a", "aa", "aaaa"}, {"a a", "aa aa"}));
  const Ids ids = tokenizer.encode(std::string(400'000, 'a'));
  EXPECT_EQ(ids, Ids(100'000, 2));
}

TEST(AddedTokens, LeftmostLongestAndWhitespace) {
  const Tokenizer tokenizer =
      make_tokenizer(tokenizer_json({"a", "b", " "}, {},
                                    {{"added_tokens",
                                      {added(3, "<x>"), added(4, "<x><y>"), added(5, "<l>", {{"lstrip", true}}),
                                       added(6, "<r>", {{"rstrip", true}})}}}));
  EXPECT_EQ(tokenizer.encode("<x><y>a<x>b"), (Ids{4, 0, 3, 1}));
  EXPECT_EQ(tokenizer.encode("a  <l> b"), (Ids{0, 5, 2, 1}));
  EXPECT_EQ(tokenizer.encode("a <r> \n\u3000b"), (Ids{0, 2, 6, 1}));
  EXPECT_EQ(tokenizer.encode("<r>  <l>"), (Ids{6, 5}));
}

TEST(AddedTokens, SingleWordAndSpecial) {
  const Tokenizer tokenizer = make_tokenizer(tokenizer_json(
      {"w", "o", " ", "."}, {},
      {{"added_tokens", {added(4, "wo", {{"single_word", true}}), added(5, "o.", {{"special", true}})}}}));
  EXPECT_EQ(tokenizer.encode("wo wow .wo."), (Ids{4, 2, 0, 1, 0, 2, 3, 4, 3}));
  EXPECT_EQ(tokenizer.encode("o."), (Ids{5}));
  EXPECT_EQ(tokenizer.encode("o.", {.parse_special = false}), (Ids{1, 3}));
  EXPECT_EQ(tokenizer.encode("wo", {.parse_special = false}), (Ids{4}));
  EXPECT_EQ(tokenizer.decode(Ids{0, 5, 1, 99}, true), "w o");  // pieces are joined by spaces without a decoder
  EXPECT_EQ(tokenizer.decode(Ids{0, 5}, false), "w o.");
}

TEST(AddedTokens, NormalizedOnesAreFoundInNormalizedText) {
  const Tokenizer tokenizer =
      make_tokenizer(tokenizer_json({"a"}, {},
                                    {{"normalizer", {{"type", "Lowercase"}}},
                                     {"added_tokens", {added(1, "Xy", {{"normalized", true}}), added(2, "Zz")}}}));
  EXPECT_EQ(tokenizer.encode("xYAXYzzZz"), (Ids{1, 0, 1, 2}));
}

TEST(AddedTokens, TextBetweenThemIsNormalizedStretchByStretch) {
  const Tokenizer tokenizer = make_tokenizer(tokenizer_json(
      {"_", "a"}, {}, {{"normalizer", {{"type", "Prepend"}, {"prepend", "_"}}}, {"added_tokens", {added(2, "<x>")}}}));
  EXPECT_EQ(tokenizer.encode("a<x>a<x>"), (Ids{0, 1, 2, 0, 1, 2}));
}

// The cases below are odd, and as `tokenizers` 0.23 has them.
TEST(AddedTokens, OnesInSpaceThatAnotherTookCount) {
  const std::vector<std::string> vocabulary = {"a", "b", " "};
  const Tokenizer tokenizer = make_tokenizer(
      tokenizer_json(vocabulary, {}, {{"added_tokens", {added(3, "<r>", {{"rstrip", true}}), added(4, "  ")}}}));
  EXPECT_EQ(tokenizer.encode("a<r>    b"), (Ids{0, 3, 4, 4, 1}));
  EXPECT_EQ(tokenizer.encode("a<r>   b"), (Ids{0, 3, 4, 2, 1}));  // the match gives back the space after it
  const Tokenizer spaces =
      make_tokenizer(tokenizer_json(vocabulary, {}, {{"added_tokens", {added(3, "  ", {{"rstrip", true}})}}}));
  EXPECT_EQ(spaces.encode("    b"), (Ids{3, 3, 1}));
  EXPECT_EQ(spaces.encode("   b"), (Ids{3, 1}));
  EXPECT_EQ(spaces.encode(std::string(400'000, ' ')).size(), 200'000u);  // hours if each match went through all of it
}

TEST(AddedTokens, MayTakeAnIdThatAVocabularyWithHolesHas) {
  const auto with_id = [](int id) {
    return Json{{"model", {{"type", "WordLevel"}, {"unk_token", "?"}, {"vocab", {{"?", 0}, {"b", 2}}}}},
                {"added_tokens", {added(id, "<x>")}}};
  };
  const Tokenizer tokenizer = make_tokenizer(with_id(2));  // two pieces: the next id is 2
  EXPECT_EQ(tokenizer.encode("b"), (Ids{2}));
  EXPECT_EQ(tokenizer.encode("<x>"), (Ids{2}));
  EXPECT_EQ(tokenizer.decode(Ids{2}, false), "<x>");
  EXPECT_EQ(expect_error([&] { make_tokenizer(with_id(0)); }).category(), Category::kBadInput);
}

TEST(Unigram, ASpecialTokenThatStandsTwiceIsSpecialTwice) {
  Json json =
      parse_json(R"({"model": {"type": "Unigram", "unk_id": 0, "vocab": [["?", -9], ["a", -1], ["?", -2]]}})", "json");
  json["added_tokens"] = Json::array({added(2, "?", {{"special", true}})});
  const Tokenizer tokenizer = make_tokenizer(json);
  EXPECT_EQ(tokenizer.encode("ab"), (Ids{1, 0}));
  EXPECT_EQ(tokenizer.decode(Ids{1, 0, 2}, true), "a");
  EXPECT_EQ(tokenizer.decode(Ids{1, 0, 2}, false), "a ? ?");
}

TEST(Unigram, OfAPieceThatStandsTwiceTheLastCounts) {
  const Tokenizer tokenizer = make_tokenizer(parse_json(
      R"({"model": {"type": "Unigram", "unk_id": 0, "vocab": [["?", -9], ["a", -1], ["a", -2], ["aa", -3]]}})",
      "json"));
  EXPECT_EQ(tokenizer.encode("a"), (Ids{2}));
  EXPECT_EQ(tokenizer.encode("aa"), (Ids{3}));  // by the last's score: -2 - 2 < -3
  EXPECT_EQ(tokenizer.decode(Ids{1}, false), "a");
}

TEST(Metaspace, EveryByteOfTheFirstCharacterIsTheBeginning) {
  const Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  const Json split = {{"type", "Split"}, {"pattern", {{"String", "©"}}}, {"behavior", "Isolated"}, {"invert", false}};
  const Json space = {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "first"}, {"split", false}};
  const Tokenizer tokenizer = make_tokenizer(tokenizer_json(
      {"▁", "Ã", "©"}, {}, {{"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {bytes, split, space}}}}}));
  EXPECT_EQ(tokenizer.encode("éé"), (Ids{0, 1, 0, 2, 1, 2}));
}

TEST(Encode, InvalidBytesReadAsReplacementCharacters) {
  const Tokenizer tokenizer = make_tokenizer(tokenizer_json({"a", "\uFFFD"}, {}));
  EXPECT_EQ(tokenizer.encode("a\xFF\xC3"
                             "a"),
            (Ids{0, 1, 1, 0}));
}

TEST(Encode, PostProcessorIsOptional) {
  const Tokenizer tokenizer =
      make_tokenizer(tokenizer_json({"a", "<s>", "</s>"}, {},
                                    {{"post_processor",
                                      {{"type", "TemplateProcessing"},
                                       {"single",
                                        {{{"SpecialToken", {{"id", "B"}, {"type_id", 0}}}},
                                         {{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
                                         {{"SpecialToken", {{"id", "E"}, {"type_id", 0}}}}}},
                                       {"pair", Json::array()},
                                       {"special_tokens",
                                        {{"B", {{"id", "B"}, {"ids", {1}}, {"tokens", {"<s>"}}}},
                                         {"E", {{"id", "E"}, {"ids", {2, 2}}, {"tokens", {"</s>", "</s>"}}}}}}}}}));
  EXPECT_EQ(tokenizer.encode("a"), (Ids{1, 0, 2, 2}));
  EXPECT_EQ(tokenizer.encode(""), (Ids{1, 2, 2}));
  EXPECT_EQ(tokenizer.encode("a", {.add_special_tokens = false}), (Ids{0}));
}

// ---- the files beside tokenizer.json ----
std::filesystem::path folder_with(const Json& tokenizer, const std::string& config, const std::string& map = "") {
  const auto folder = firstlight::testing::scratch_dir("tokenizer");
  write_text_file(folder / "tokenizer.json", json_text(tokenizer));
  if (!config.empty()) write_text_file(folder / "tokenizer_config.json", config);
  if (!map.empty()) write_text_file(folder / "special_tokens_map.json", map);
  return folder;
}

TEST(Load, ConfigWinsOverTheMap) {
  const Json json = tokenizer_json({"a", "b", "c"}, {});
  const Tokenizer tokenizer = Tokenizer::load(folder_with(json, R"({"bos_token": {"content": "a"}, "eos_token": null})",
                                                          R"({"bos_token": "b", "eos_token": "b", "unk_token": "c"})"));
  EXPECT_EQ(tokenizer.bos_id(), 0);
  EXPECT_EQ(tokenizer.eos_id(), std::nullopt);
  EXPECT_EQ(tokenizer.unk_id(), 2);
  EXPECT_EQ(tokenizer.pad_id(), std::nullopt);
}

TEST(Load, ConfigMayAddTokens) {
  const Json json = tokenizer_json({"a"}, {});
  const Tokenizer tokenizer = Tokenizer::load(
      folder_with(json, R"({"eos_token": "<e>", "added_tokens_decoder": {"5": {"content": "<e>", "special": true}}})"));
  EXPECT_EQ(tokenizer.encode("a<e>"), (Ids{0, 5}));
  EXPECT_EQ(tokenizer.eos_id(), 5);
  EXPECT_EQ(tokenizer.vocab_size(), 6);
}

TEST(Load, FilesThatContradictEachOther) {
  const Json json = tokenizer_json({"a"}, {}, {{"added_tokens", {added(1, "<e>")}}});
  for (const char* config : {R"({"eos_token": "<nope>"})", R"({"added_tokens_decoder": {"7": {"content": "<e>"}}})",
                             R"({"added_tokens_decoder": {"3": {"content": "a"}}})"}) {
    const auto folder = folder_with(json, config);
    const Error error = expect_error([&] { Tokenizer::load(folder); });
    EXPECT_EQ(error.category(), Category::kMismatch) << config;
    EXPECT_THAT(error.what(), ::testing::HasSubstr("tokenizer_config.json"));
  }
  EXPECT_EQ(expect_error([&] { Tokenizer::load(firstlight::testing::scratch_dir("empty")); }).category(),
            Category::kBadInput);
}

// ---- hostile and unsupported files ----
struct Bad {
  const char* text;
  Category category;
  const char* names;  // must be in the message
};

TEST(Refuses, DamagedFiles) {
  const Bad cases[] = {
      {"", Category::kBadInput, "not JSON"},
      {"[]", Category::kBadInput, "object"},
      {"{}", Category::kBadInput, "model"},
      {R"({"model": 3})", Category::kBadInput, "object"},
      {R"({"model": {"type": "BPE", "merges": []}})", Category::kBadInput, "vocab"},
      {R"({"model": {"type": "BPE", "vocab": {}}})", Category::kBadInput, "merges"},
      {R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}})", Category::kBadInput, "-1"},
      {R"({"model": {"type": "BPE", "vocab": {"a": 99999999999999999999}, "merges": []}})", Category::kBadInput,
       "vocab"},
      {R"({"model": {"type": "BPE", "vocab": {"a": 18446744073709551615}, "merges": []}})", Category::kBadInput, "'a'"},
      {R"({"model": {"type": "BPE", "vocab": {"a": 9000000}, "merges": []}})", Category::kBadInput, "9000000"},
      {R"({"model": {"type": "BPE", "vocab": {"a": 1.5}, "merges": []}})", Category::kBadInput, "'a'"},
      {R"({"model": {"type": "BPE", "vocab": {"a": "x"}, "merges": []}})", Category::kBadInput, "'a'"},
      {R"({"model": {"type": "BPE", "vocab": {"a": {}}, "merges": []}})", Category::kBadInput, "'a'"},
      {R"({"model": {"type": "BPE", "vocab": {"a": 0, "a": 1}, "merges": []}})", Category::kBadInput, "twice"},
      {R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}})", Category::kBadInput, "twice"},
      {R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]}})", Category::kBadInput, "merges[0]"},
      {R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a a a"]}})", Category::kBadInput, "merges[0]"},
      {R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a"]]}})", Category::kBadInput, "merges[0]"},
      {R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "a", "a"]]}})", Category::kBadInput,
       "merges[0]"},
      {R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [3]}})", Category::kBadInput, "merges[0]"},
      {R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}})", Category::kBadInput, "'b'"},
      {R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]}})", Category::kBadInput, "'ab'"},
      {"{\"model\": {\"type\": \"BPE\", \"vocab\": {\"\xFF\": 0}, \"merges\": []}}", Category::kBadInput, "not JSON"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": [], "fuse_unk": 1}})", Category::kBadInput, "fuse_unk"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "added_tokens": [{"id": -1, "content": "x"}]})",
       Category::kBadInput, "id"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "added_tokens": [{"id": 1, "content": ""}]})",
       Category::kBadInput, "content"},
      {R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "added_tokens": [{"id": 1, "content": "a"}]})",
       Category::kBadInput, "'a'"},
      {R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "added_tokens": [{"id": 0, "content": "b"}]})",
       Category::kBadInput, "'b'"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "q"}}], "special_tokens": {}}})",
       Category::kBadInput, "'q'"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "post_processor": {"type": "BertProcessing", "sep": ["x", 5], "cls": ["y", 6]}})",
       Category::kBadInput, "id 6"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "decoder": {"type": "Strip", "content": "ab", "start": 0, "stop": 0}})",
       Category::kBadInput, "content"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "decoder": {"type": "Strip", "content": " ", "start": -1, "stop": 0}})",
       Category::kBadInput, "start"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": false}})",
       Category::kBadInput, "pre_tokenizer"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "pre_tokenizer": {"type": "Metaspace", "replacement": "_", "add_prefix_space": false}})",
       Category::kBadInput, "prepend_scheme"},
      {R"({"model": {"type": "Novel", "vocab": {}}})", Category::kUnsupported, "Novel"},
      {R"({"model": {"type": "WordPiece"}})", Category::kBadInput, "vocab"},
      {R"({"model": {"type": "WordLevel", "vocab": [["a", 0]]}})", Category::kBadInput, "vocab"},
      {R"({"model": {"type": "WordPiece", "vocab": {}, "max_input_chars_per_word": -1}})", Category::kBadInput,
       "max_input_chars_per_word"},
      {R"({"model": {"type": "Unigram", "vocab": {"a": 0}}})", Category::kBadInput, "vocab"},
      {R"({"model": {"type": "Unigram", "vocab": [["a"]]}})", Category::kBadInput, "vocab[0]"},
      {R"({"model": {"type": "Unigram", "vocab": [["a", -1.0], ["b", -2, 3]]}})", Category::kBadInput, "vocab[2]"},
      {R"({"model": {"type": "Unigram", "vocab": [[1, "a"]]}})", Category::kBadInput, "vocab[0]"},
      {R"({"model": {"type": "Unigram", "vocab": ["a"]}})", Category::kBadInput, "vocab[0]"},
      {R"({"model": {"type": "Unigram", "vocab": [["a", 0.5]], "unk_id": 1}})", Category::kBadInput, "unk_id"},
      {R"({"model": {"type": "Unigram", "vocab": [["a", 0.5]], "novel": 1}})", Category::kUnsupported, "novel"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": [], "dropout": 0.1}})", Category::kUnsupported, "dropout"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": [], "novel": 1}})", Category::kUnsupported, "novel"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "novel": 1})", Category::kUnsupported, "novel"},
      {R"({"version": "2.0", "model": {"type": "BPE", "vocab": {}, "merges": []}})", Category::kUnsupported, "2.0"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "normalizer": {"type": "Precompiled"}})",
       Category::kBadInput, "precompiled_charsmap"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "normalizer": {"type": "Precompiled", "precompiled_charsmap": "A"}})",
       Category::kBadInput, "base64"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "normalizer": {"type": "Precompiled", "precompiled_charsmap": "/////w=="}})",
       Category::kBadInput, "trie"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "pre_tokenizer": {"type": "FixedLength", "length": 0}})",
       Category::kBadInput, "length"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "normalizer": {"type": "Sequence", "normalizers": [{"type": "Novel"}]}})",
       Category::kUnsupported, "normalizers[0]"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "pre_tokenizer": {"type": "Novel"}})",
       Category::kUnsupported, "Novel"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "post_processor": {"type": "Novel"}})",
       Category::kUnsupported, "Novel"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "decoder": {"type": "Novel"}})", Category::kUnsupported,
       "Novel"},
  };
  for (const Bad& bad : cases) {
    SCOPED_TRACE(bad.text);
    const Error error = expect_error([&] { Tokenizer::from_json(bad.text, "tokenizer.json"); });
    EXPECT_EQ(error.category(), bad.category) << error.what();
    EXPECT_THAT(error.what(), ::testing::HasSubstr(bad.names));
    EXPECT_THAT(error.where(), ::testing::HasSubstr("tokenizer.json"));
  }
}

TEST(Refuses, DeepNesting) {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += R"({"type":"Sequence","normalizers":[)";
  EXPECT_EQ(expect_error([&] { Tokenizer::from_json(R"({"normalizer":)" + deep, "x"); }).category(),
            Category::kBadInput);
}

}  // namespace
}  // namespace firstlight::text::testing
