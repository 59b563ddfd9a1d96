// Oniguruma's pattern language through PCRE2. What is expected was checked against Hugging Face `tokenizers`, whose
// engine is Oniguruma.
#include "firstlight/text/regex.h"

#include <gmock/gmock.h>

#include "text/cases.h"

namespace firstlight::text::testing {
namespace {

// The text with every match in brackets.
std::string marked(const std::string& pattern, const std::string& text) {
  std::string out;
  std::size_t at = 0;
  for (const Range match : Regex(pattern, "test").find_all(text)) {
    out += text.substr(at, match.begin - at) + "[" + text.substr(match.begin, match.end - match.begin) + "]";
    at = match.end;
  }
  return out + text.substr(at);
}

TEST(Regex, Classes) {
  EXPECT_EQ(marked(R"(\s)", "a\u0085b\u180Ec\u00A0"), "a[\u0085]b\u180Ec[\u00A0]");
  EXPECT_EQ(marked(R"(\p{L}+)", "abé漢\U00010D50 1"), "[abé漢\U00010D50] 1");  // the last letter is Unicode 16
  EXPECT_EQ(marked(R"(\P{L}+)", "ab1\U00010D50!"), "ab[1]\U00010D50[!]");
  EXPECT_EQ(marked(R"([^\P{L}]+)", "ab1"), "[ab]1");
  EXPECT_EQ(marked(R"(\h+)", "xyzAf09"), "xyz[Af09]");  // hexadecimal digits in Ruby, blanks in Perl
  EXPECT_EQ(marked(R"([^(\s|[.,!?…])]+)", "ab (c).d"), "[ab] ([c]).[d]");
  EXPECT_EQ(marked(R"([a-z&&[^aeiou]]+)", "hello"), "[h]e[ll]o");
  EXPECT_EQ(marked(R"([[:punct:]]+)", "a+!b"), "a[+!]b");
  EXPECT_EQ(marked(R"(\p{punct}+)", "a+!b"), "a+[!]b");
  EXPECT_EQ(marked(R"(\p{Han}+)", "a漢字。か"), "a[漢字]。か");
  EXPECT_EQ(marked(R"([\]\-a]+)", "a]-b"), "[a]-]b");
  EXPECT_EQ(marked(R"(\w+)", "½ a"), "[½] [a]");  // Oniguruma's one-byte table
  EXPECT_EQ(marked(R"([\w]+)", "½ a"), "½ [a]");
}

TEST(Regex, RepetitionAndGroups) {
  EXPECT_EQ(marked(R"(\p{N}{1,3}+)", "1234567"), "[1234567]");  // {n,m}+ repeats, it is not possessive
  EXPECT_EQ(marked(R"(\d{2}?)", "123"), "[12]3[]");             // {n}? is optional, not lazy
  EXPECT_EQ(marked(R"(a{,2}b)", "aaab"), "a[aab]");
  EXPECT_EQ(marked(R"(a{x})", "a{x}"), "[a{x}]");
  EXPECT_EQ(marked(R"(a++b)", "aaab"), "[aaab]");
  EXPECT_EQ(marked(R"(a(?i)b|c)", "aB C c"), "[aB] C c");  // the option's alternatives belong to it
  EXPECT_EQ(marked(R"((?i:'s|'ll))", "'S 'LL 'ſ"), "['S] ['LL] ['ſ]");
  EXPECT_EQ(marked(R"((?m:a.b))", "a\nb"), "[a\nb]");  // Ruby's m
  EXPECT_EQ(marked(R"(^a)", "a\na"), "[a]\n[a]");      // anchors are of lines
  EXPECT_EQ(marked(R"(\s+(?!\S)|\s+)", "a   b"), "a[  ][ ]b");
  EXPECT_EQ(marked(R"(x*)", "axb"), "[]a[x]b[]");
  EXPECT_EQ(marked(R"(\bt)", "the rat to"), "[t]he rat [t]o");
}

TEST(Regex, LiteralsAreNotPatterns) {
  const auto matches = Regex::literal("a.", "test").find_all("a.xa.");
  EXPECT_EQ(matches, (std::vector<Range>{{0, 2}, {3, 5}}));
  EXPECT_TRUE(Regex::literal("", "test").find_all("abc").empty());
}

TEST(Regex, RefusesWhatItDoesNotKnow) {
  for (const char* pattern :
       {R"(\X)", R"((a)\1)", R"((?x) a)", R"(\p{Nonsense})", R"((?~a))", R"((*FAIL))", R"(\K)", R"(\G)"})
    EXPECT_EQ(expect_error([&] { Regex(pattern, "here"); }).category(), Category::kUnsupported) << pattern;
  for (const char* pattern :
       {"(", ")", "[a", "*a", "a**********************************", R"(\p{L)", R"([z-a])", "\xFF"})
    EXPECT_EQ(expect_error([&] { Regex(pattern, "here"); }).category(), Category::kBadInput) << pattern;
  EXPECT_THAT(expect_error([] { Regex("(", "tokenizer.json: normalizer"); }).where(),
              ::testing::HasSubstr("normalizer"));
}

TEST(Regex, RunawayMatchingIsStopped) {
  const Regex regex("(?:a|a)*b", "here");
  std::string text(66, 'a');
  text.replace(64, 2, "cb");
  EXPECT_EQ(expect_error([&] { regex.find_all(text); }).category(), Category::kResource);
}

}  // namespace
}  // namespace firstlight::text::testing
