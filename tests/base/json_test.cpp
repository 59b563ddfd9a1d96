// JSON: what is read, and what hostile text is refused with.
#include "firstlight/base/json.h"

#include <gtest/gtest.h>

#include <string>

#include "firstlight/base/file.h"
#include "testing/testing.h"

namespace firstlight {
namespace {

std::string refusal(const std::string& text) {
  const Error error = testing::expect_error([&] { parse_json(text, "config.json"); });
  EXPECT_EQ(error.category(), Category::kBadInput) << text;
  EXPECT_EQ(error.where(), "config.json");
  return error.message();
}

std::string nested(int depth, const std::string& inner) {
  return std::string(static_cast<std::size_t>(depth), '[') + inner + std::string(static_cast<std::size_t>(depth), ']');
}

TEST(Json, ReadsEveryKindOfValueAndKeepsTheOrderOfKeys) {
  const Json json = parse_json(
      R"({"z": [1, -2, 2.5, true, null], "a": {"text": "\u00e9\n"}, "big": 18446744073709551615})", "config.json");
  EXPECT_EQ(json.begin().key(), "z");
  EXPECT_EQ(json["z"].size(), 5u);
  EXPECT_EQ(json["z"][1].get<int>(), -2);
  EXPECT_EQ(json["z"][2].get<double>(), 2.5);
  EXPECT_TRUE(json["z"][4].is_null());
  EXPECT_EQ(json["a"]["text"].get<std::string>(), "\xC3\xA9\n");
  EXPECT_EQ(json["big"].get<std::uint64_t>(), 18446744073709551615u);
  EXPECT_EQ(parse_json("3", "").get<int>(), 3);
}

TEST(Json, RefusesAKeyThatStandsTwiceInOneObject) {
  EXPECT_NE(refusal(R"({"layers": 1, "layers": 2})").find("'layers' stands twice"), std::string::npos);
  EXPECT_NE(refusal(R"([{"a": {"b": 1, "b": 1}}])").find("'b'"), std::string::npos);
  // The same name in different objects is no duplicate.
  EXPECT_EQ(parse_json(R"({"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]})", "")["b"][1]["a"].get<int>(), 2);
}

TEST(Json, BoundsTheDepth) {
  EXPECT_EQ(parse_json(nested(128, "7"), "").size(), 1u);
  EXPECT_NE(refusal(nested(129, "")).find("deeper than 128"), std::string::npos);
  EXPECT_NE(refusal(nested(129, "7")).find("deeper than 128"), std::string::npos);
  std::string objects;
  for (int depth = 0; depth < 100000; ++depth) objects += R"({"k":)";
  EXPECT_NE(refusal(objects).find("deeper than 128"), std::string::npos);
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* text :
       {"",   "   ", "{",  "[1,", "[1,]",    "{\"a\" 1}",   "{\"a\":1,}", "{a:1}",    "'x'",      "[1] [2]", "tru",
        "01", "+1",  "1e", ".5",  "\"\\q\"", "\"\\ud800\"", "\"open",     "\"\xFF\"", "\"\xC3\"", "[1 2]",   "// c\n1"})
    EXPECT_NE(refusal(text).find("not JSON"), std::string::npos) << text;
}

TEST(Json, RefusesNumbersThatJsonDoesNotHave) {
  for (const char* text : {"NaN", "[NaN]", "Infinity", "-Infinity", "[1, nan]", "{\"eps\": inf}", "1e999"})
    EXPECT_NE(refusal(text).find("not JSON"), std::string::npos) << text;
}

TEST(Json, SaysWhereTheSyntaxBreaks) { EXPECT_NE(refusal("{\"a\": 1,\n \"b\": ?}").find("line 2"), std::string::npos); }

TEST(Json, ReadsAFileWithinASizeAndNamesIt) {
  const auto path = testing::scratch_dir("json") / "x.json";
  write_text_file(path, "{\"k\": [1, 2]}");
  EXPECT_EQ(read_json_file(path)["k"][1].get<int>(), 2);
  const Error large = testing::expect_error([&] { read_json_file(path, 5); });
  EXPECT_EQ(large.category(), Category::kBadInput);
  EXPECT_NE(large.message().find("at most 5"), std::string::npos) << large.message();
  write_text_file(path, "{");
  EXPECT_EQ(testing::expect_error([&] { read_json_file(path); }).where(), path.string());
}

// A vocabulary of this size must not take quadratic time; a minute's hang here is the failure.
TEST(Json, ReadsAnObjectOfManyKeys) {
  std::string text = "{";
  for (int i = 0; i < 200000; ++i) text += fmt::format("{}\"token{}\":{}", i == 0 ? "" : ",", i, i);
  text += "}";
  EXPECT_EQ(parse_json(text, "").size(), 200000u);
}

TEST(Json, WritesWhatItReads) {
  const Json json = parse_json(R"({"b": [1, 2.5, null], "a": "\u00e9"})", "");
  EXPECT_EQ(json_text(json), "{\"b\":[1,2.5,null],\"a\":\"\xC3\xA9\"}");
  EXPECT_EQ(json_text(json, -1, true), R"({"b":[1,2.5,null],"a":"\u00e9"})");
  EXPECT_EQ(json_text(Json{{"a", 1}}, 2), "{\n  \"a\": 1\n}");
}

TEST(Json, WritesBytesThatAreNotUtf8AsTheReplacementCharacter) {
  EXPECT_EQ(json_text(Json("a\xFF")), "\"a\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace firstlight
