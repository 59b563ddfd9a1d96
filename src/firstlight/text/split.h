// How a pattern cuts text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "firstlight/text/regex.h"

namespace firstlight::text {

// One stretch of text as normalisers rewrite it.
struct Piece {
  std::string text;
  bool at_start = false;  // its first character comes from the first character of the input
};

// What becomes of the matches of a split pattern (the names are those of tokenizer.json).
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };
SplitBehavior parse_split_behavior(std::string_view name, std::string_view where);

// A text cut into matches and what lies between them, in order and without gaps.
struct Cut {
  Range range;
  bool is_match;
};
std::vector<Cut> cut_by(const Regex& regex, std::string_view text);
// Every code point that satisfies `predicate` is a match of its own.
std::vector<Cut> cut_by(bool (*predicate)(char32_t), std::string_view text);

// Cuts `word` of `text` at `cuts`, whose ranges count from the word's begin; appends what is left to `out`, empty ones
// dropped. `invert` exchanges matches and gaps.
void split(Range word, std::vector<Cut> cuts, SplitBehavior behavior, bool invert, std::vector<Range>& out);

}  // namespace firstlight::text
