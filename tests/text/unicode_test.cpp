// UTF-8 repair, classes and normal forms, by Unicode's own examples.
#include "firstlight/text/unicode.h"

#include <gtest/gtest.h>

namespace firstlight::text {
namespace {

TEST(Unicode, CodePointsRoundTrip) {
  for (const char32_t value : {0x0u, 0x41u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xFFFDu, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
    const std::string text = to_utf8(value);
    EXPECT_EQ(code_point_at(text, 0).value, value);
    EXPECT_EQ(code_point_at(text, 0).bytes, text.size());
    EXPECT_EQ(code_point_before("a" + text, text.size() + 1).value, value);
    EXPECT_TRUE(is_valid_utf8(text));
  }
}

// One U+FFFD for each maximal part of an ill-formed sequence: Unicode 15.0, table 3-8, and Python.
TEST(Unicode, InvalidBytesAreReplaced) {
  const std::string r(kReplacementUtf8);
  EXPECT_EQ(replace_invalid_utf8("a\xF1\x80\x80\xE1\x80\xC2"
                                 "b\x80"
                                 "c\x80\xBF"
                                 "d"),
            "a" + r + r + r + "b" + r + "c" + r + r + "d");
  EXPECT_EQ(replace_invalid_utf8("\xC0\xAF"), r + r);                  // overlong
  EXPECT_EQ(replace_invalid_utf8("\xED\xA0\x80"), r + r + r);          // a surrogate
  EXPECT_EQ(replace_invalid_utf8("\xF4\x90\x80\x80"), r + r + r + r);  // above U+10FFFF
  EXPECT_EQ(replace_invalid_utf8("\xE6\xBC"), r);                      // cut off
  EXPECT_EQ(replace_invalid_utf8("\xE6\xBC\xA2"), "漢");
}

TEST(Unicode, StepsTellAnUnfinishedCharacterFromAWrongOne) {
  EXPECT_TRUE(utf8_step("\xF0\x9F\x98", 0).incomplete);
  EXPECT_FALSE(utf8_step("\xF0\x9F"
                         "a",
                         0)
                   .incomplete);
  EXPECT_FALSE(utf8_step("\xF5", 0).incomplete);
  EXPECT_EQ(utf8_step("\xF0\x9F"
                      "a",
                      0)
                .bytes,
            2u);
}

TEST(Unicode, Classes) {
  for (const char32_t space : {0x9, 0xA, 0xD, 0x20, 0x85, 0xA0, 0x1680, 0x2003, 0x2028, 0x3000})
    EXPECT_TRUE(is_whitespace(space));
  for (const char32_t other : {0x1F, 0x21, 0x180E, 0x200B, 0xFEFF}) EXPECT_FALSE(is_whitespace(other));
  EXPECT_TRUE(is_word(U'é') && is_word(U'漢') && is_word(U'_') && is_word(0x301) && is_word(U'9'));
  EXPECT_FALSE(is_word(U'-') || is_word(U' ') || is_word(U'½'));
  EXPECT_TRUE(is_numeric(U'½') && is_numeric(U'Ⅷ') && is_numeric(U'٣'));
  EXPECT_TRUE(is_punctuation(U'$') && is_punctuation(U'。') && !is_punctuation(U'€') && !is_punctuation(U'a'));
  EXPECT_TRUE(is_mark(0x301) && !is_mark(U'a'));
}

TEST(Unicode, Case) {
  EXPECT_EQ(lower_case("ÀÉ İΣ ǅ ẞ"), "àé i\u0307σ ǆ ß");
  EXPECT_EQ(upper_case("straße é"), "STRASSE É");
}

TEST(Unicode, NormalForms) {
  // Ångström sign, and marks that must be put into order (classes 230 and 220).
  EXPECT_EQ(normal_form("\u212B", NormalForm::kNfc), "\u00C5");
  EXPECT_EQ(normal_form("\u00C5", NormalForm::kNfd), "A\u030A");
  EXPECT_EQ(normal_form("q\u0307\u0323", NormalForm::kNfc), "q\u0323\u0307");
  EXPECT_EQ(normal_form("ﬁ²\uFF21", NormalForm::kNfkc), "fi2A");
  EXPECT_EQ(normal_form("가", NormalForm::kNfkd), "\u1100\u1161");
  // U+0898 got its combining class after the Unicode of Hugging Face's normaliser: it stays where it is.
  EXPECT_EQ(normal_form("a\u0898\u0334", NormalForm::kNfd), "a\u0898\u0334");
}

}  // namespace
}  // namespace firstlight::text
