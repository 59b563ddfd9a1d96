// tokenizer.json as read: the vocabulary and the merges in flat lists (hundreds of thousands of entries, where a JSON
// tree would be slow), everything else as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firstlight/base/json.h"

namespace firstlight::text {

struct TokenizerFile {
  Json root;                // without model.vocab and model.merges
  bool has_vocab = false;   // model.vocab is {piece: id, ...}
  bool has_scores = false;  // model.vocab is [[piece, score], ...]
  bool has_merges = false;
  std::vector<std::pair<std::string, std::int64_t>> vocab;  // in file order; ids are not checked yet
  std::vector<double> scores;                               // of a vocabulary with scores: one a piece
  std::vector<std::pair<std::string, std::string>> merges;  // in rank order
};

// Throws kBadInput on a syntax error, deep nesting, a key that stands twice in one small object, strings that are not
// UTF-8, or a vocabulary or merge entry of another shape.
TokenizerFile parse_tokenizer_file(std::string_view text, std::string_view where);

}  // namespace firstlight::text
