// Tables of unicode_tables.cpp, which tools/make_unicode_tables.py writes: ranges are sorted, both ends included.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace firstlight::text {

struct CodeRange {
  char32_t first, last;
};
struct CodePair {
  char32_t from, to;
};
// `category` is a general category ("Lo"), a script ("Han"), or "word" and "alpha" for Oniguruma's \w and [:alpha:].
struct CategoryRange {
  std::string_view category;
  char32_t first, last;
};

extern const std::span<const CodeRange> kWord;
extern const std::span<const CodeRange> kNumeric;
extern const std::span<const CodeRange> kPunctuation;
extern const std::span<const CodeRange> kMark;
extern const std::span<const CodeRange> kTooYoung;
extern const std::span<const CodeRange> kTooYoungCompatibility;
extern const std::span<const CodePair> kLower;
extern const std::span<const CategoryRange> kYoung;

}  // namespace firstlight::text
