// The split patterns that are matched by hand, against PCRE2 on the same text.
#include "firstlight/base/json.h"
#include "firstlight/text/split_scanner.h"

#include <random>

#include "firstlight/text/byte_level_parts.h"
#include "firstlight/text/unicode.h"
#include "text/cases.h"

namespace firstlight::text::testing {
namespace {

std::string random_text(std::mt19937& rng) {
  constexpr const char* kParts[] = {" ",      "  ",     "\n",     "\r\n",       "\t",     "'s",     "'LL",    "'\u017F",
                                    "'re",    "'Ve",    "'x",     "don't",      "ab",     "Z",      "1",      "12",
                                    "1234",   "!",      "?!",     "-",          "_",      "\u00A0", "\u3000", "\u0085",
                                    "\u00BD", "\u0301", "\u6F22", "\U0001F600", "\uFEFF", "\u2028", "'"};
  constexpr char32_t kRanges[][2] = {
      {0x20, 0x7F}, {0x80, 0x3000}, {0x3000, 0xD7FF}, {0xE000, 0x1FFFF}, {0x20000, 0x32500}};
  std::string text;
  for (std::size_t i = 0, count = rng() % 24; i < count; ++i) {
    if (rng() % 3 != 0) {
      text += kParts[rng() % std::size(kParts)];
      continue;
    }
    const auto& range = kRanges[rng() % std::size(kRanges)];
    append_utf8(text, range[0] + rng() % (range[1] - range[0]));
  }
  return text;
}

TEST(SplitScanner, MatchesAsTheRegularExpression) {
  std::mt19937 rng(7);
  for (const std::string_view pattern : {kFirstSplit, kRanksSplit, kSingleDigitSplit}) {
    ASSERT_NE(find_split_scanner(pattern), nullptr);
    const Regex by_hand(pattern, "test"), by_pcre(pattern, "test", false);
    for (int i = 0; i < 20'000; ++i) {
      const std::string text = random_text(rng);
      ASSERT_EQ(by_hand.find_all(text), by_pcre.find_all(text)) << pattern << "\n" << json_text(Json(text), -1, true);
    }
  }
}

TEST(SplitScanner, EveryCodePointHasTheRightClass) {
  for (const std::string_view pattern : {kFirstSplit, kSingleDigitSplit}) {
    const Regex by_hand(pattern, "test"), by_pcre(pattern, "test", false);
    std::string text;
    for (char32_t c = 1; c < 0x110000; ++c) {
      if (c >= 0xD800 && c <= 0xDFFF) continue;
      text += " ";
      append_utf8(text, c);
      text += "a1!";
      if (text.size() < 50'000 && c != 0x10FFFF) continue;
      ASSERT_EQ(by_hand.find_all(text), by_pcre.find_all(text)) << "before U+" << std::hex << static_cast<int>(c);
      text.clear();
    }
  }
}

TEST(SplitScanner, OtherPatternsHaveNone) {
  EXPECT_EQ(find_split_scanner(R"(\s+)"), nullptr);
  EXPECT_EQ(find_split_scanner(std::string(kFirstSplit) + "|x"), nullptr);
}

}  // namespace
}  // namespace firstlight::text::testing
