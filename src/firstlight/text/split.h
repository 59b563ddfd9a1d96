// Pieces of text on their way to the model, and how a pattern cuts them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/text/regex.h"

namespace firstlight::text {

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

// Appends the pieces of `piece` to `out`; empty ones are dropped. `invert` exchanges matches and gaps.
void split(const Piece& piece, std::vector<Cut> cuts, SplitBehavior behavior, bool invert, std::vector<Piece>& out);

}  // namespace firstlight::text
