// Added tokens: strings that are found in the text before the model sees it, each with rules for its surroundings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "firstlight/base/json.h"
#include "firstlight/text/byte_trie.h"
#include "firstlight/text/regex.h"

namespace firstlight::text {

class Normalizer;
class Vocabulary;

struct AddedToken {
  std::int32_t id = 0;
  std::string content;
  bool single_word = false;  // only where no word character touches it
  bool lstrip = false;       // takes the whitespace before it
  bool rstrip = false;       // takes the whitespace after it
  bool normalized = false;   // found in normalised text, by its own normalised form
  bool special = false;      // control token: skipped by decode on request
};

// Reads one entry of "added_tokens"; `id` is given where the entry does not carry it.
AddedToken parse_added_token(const Json& json, const std::string& where, std::optional<std::int64_t> id = std::nullopt);

// A stretch of text, or an added token's id.
struct Stretch {
  Range range;
  std::optional<std::int32_t> id;
};

class AddedTokens {
 public:
  AddedTokens() = default;
  // Throws kBadInput when ids or contents clash with each other or with `vocabulary`.
  AddedTokens(std::vector<AddedToken> tokens, const Vocabulary& vocabulary, const Normalizer* normalizer,
              const std::string& where);

  const std::vector<AddedToken>& tokens() const { return tokens_; }
  const AddedToken* by_id(std::int32_t id) const;
  const AddedToken* by_content(std::string_view content) const;

  // Parts `text` (valid UTF-8) at the tokens whose `normalized` is as given. Without `special`, special tokens are
  // text.
  std::vector<Stretch> find(std::string_view text, bool normalized, bool special) const;

 private:
  std::vector<AddedToken> tokens_;
  std::unordered_map<std::int32_t, std::size_t> by_id_;
  std::unordered_map<std::string, std::size_t> by_content_;
  ByteTrie raw_, normalized_;  // values are places in tokens_
};

}  // namespace firstlight::text
