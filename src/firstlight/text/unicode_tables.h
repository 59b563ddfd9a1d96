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

struct ScriptRange {
  char32_t first, last;
  std::uint8_t script;  // a number of no meaning beyond being the same
};

extern const std::span<const CodeRange> kWord;
extern const std::span<const CodeRange> kNumeric;
extern const std::span<const CodeRange> kPunctuation;
extern const std::span<const CodeRange> kMark;
extern const std::span<const CodeRange> kNonspacingMark;
extern const std::span<const CodeRange> kBertRemoved;
extern const std::span<const CodeRange> kExtendYoung;
extern const std::span<const ScriptRange> kScript;
extern const std::span<const CodeRange> kTooYoung;
extern const std::span<const CodeRange> kTooYoungCompatibility;
extern const std::span<const CodePair> kLower;
extern const std::span<const CategoryRange> kYoung;

}  // namespace firstlight::text
