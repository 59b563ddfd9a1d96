// The compiled character map of sentencepiece: strings to be replaced, in a double-array trie (Aoe, 1989; the layout of
// Darts), and what replaces each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace firstlight::text {

class CharacterMap {
 public:
  // `bytes`: the trie's size in bytes (u32 LE), the trie (u32 LE units), then the replacements, each ended by a NUL.
  // Throws kBadInput.
  CharacterMap(std::string_view bytes, const std::string& where);

  struct Match {
    std::size_t bytes;    // of the text
    std::string_view to;  // valid UTF-8
  };
  // The shortest, or the longest, key that `text` begins with.
  std::optional<Match> shortest(std::string_view text) const { return find(text, true); }
  std::optional<Match> longest(std::string_view text) const { return find(text, false); }

 private:
  std::optional<Match> find(std::string_view text, bool first) const;

  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

}  // namespace firstlight::text
