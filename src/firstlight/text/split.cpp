// Cutting and re-joining, as the NormalizedString::split of Hugging Face tokenizers does it.
#include "firstlight/text/split.h"

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {

SplitBehavior parse_split_behavior(std::string_view name, std::string_view where) {
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  fail(Category::kBadInput, where,
       "expected Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous, found '{}'", name);
}

std::vector<Cut> cut_by(const Regex& regex, std::string_view text) {
  if (text.empty()) return {{{0, 0}, false}};
  std::vector<Cut> cuts;
  std::size_t previous = 0;
  for (const Range match : regex.find_all(text)) {
    if (previous != match.begin) cuts.push_back({{previous, match.begin}, false});
    cuts.push_back({match, true});
    previous = match.end;
  }
  if (previous != text.size()) cuts.push_back({{previous, text.size()}, false});
  return cuts;
}

std::vector<Cut> cut_by(bool (*predicate)(char32_t), std::string_view text) {
  if (text.empty()) return {{{0, 0}, false}};
  std::vector<Cut> cuts;
  std::size_t previous = 0;
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = code_point_at(text, i);
    if (predicate(c.value)) {
      if (previous < i) cuts.push_back({{previous, i}, false});
      cuts.push_back({{i, i + c.bytes}, true});
      previous = i + c.bytes;
    }
    i += c.bytes;
  }
  if (previous < text.size()) cuts.push_back({{previous, text.size()}, false});
  return cuts;
}

void split(Range word, std::vector<Cut> cuts, SplitBehavior behavior, bool invert, std::vector<Range>& out) {
  if (invert)
    for (Cut& cut : cuts) cut.is_match = !cut.is_match;

  std::vector<Range> kept;
  bool previous_match = false;
  switch (behavior) {
    case SplitBehavior::kRemoved:
      for (const Cut& cut : cuts)
        if (!cut.is_match) kept.push_back(cut.range);
      break;
    case SplitBehavior::kIsolated:
      for (const Cut& cut : cuts) kept.push_back(cut.range);
      break;
    case SplitBehavior::kContiguous:
      for (const Cut& cut : cuts) {
        if (cut.is_match == previous_match && !kept.empty())
          kept.back().end = cut.range.end;
        else
          kept.push_back(cut.range);
        previous_match = cut.is_match;
      }
      break;
    case SplitBehavior::kMergedWithPrevious:
      for (const Cut& cut : cuts) {
        if (cut.is_match && !previous_match && !kept.empty())
          kept.back().end = cut.range.end;
        else
          kept.push_back(cut.range);
        previous_match = cut.is_match;
      }
      break;
    case SplitBehavior::kMergedWithNext:
      for (auto cut = cuts.rbegin(); cut != cuts.rend(); ++cut) {
        if (cut->is_match && !previous_match && !kept.empty())
          kept.back().begin = cut->range.begin;
        else
          kept.push_back(cut->range);
        previous_match = cut->is_match;
      }
      std::reverse(kept.begin(), kept.end());
      break;
  }
  for (const Range range : kept)
    if (range.begin < range.end) out.push_back({word.begin + range.begin, word.begin + range.end});
}

}  // namespace firstlight::text
