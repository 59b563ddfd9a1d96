// The pipeline of byte-level BPE where no file describes it: what goes around the model, in the words of
// tokenizer.json.
#pragma once

#include <string_view>

#include "firstlight/base/json.h"

namespace firstlight::text {

// How words are cut, by the patterns of the classes of transformers.
inline constexpr std::string_view kRanksSplit =  // tiktoken's cl100k_base (TikTokenConverter)
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kSingleDigitSplit =  // the same with every digit alone
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Byte-level BPE's first pattern (Radford et al., 2019).
inline constexpr std::string_view kFirstSplit =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

struct ByteLevelStyle {
  std::string_view split = {};  // empty: the first pattern
  bool add_prefix_space = false;
  bool compose = false;  // NFC first
};
// A tokenizer.json without vocabulary and merges.
Json byte_level_json(const ByteLevelStyle& style);

}  // namespace firstlight::text
