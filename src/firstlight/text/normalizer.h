// The normaliser of tokenizer.json: rewrites each stretch of text between added tokens.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "firstlight/base/json.h"
#include "firstlight/text/split.h"

namespace firstlight::text {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(Piece& piece) const = 0;
};

// By "type": Sequence, Prepend, Replace, NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, ByteLevel, and those of
// make_cleaning_normalizer. Throws kUnsupported for any other.
std::unique_ptr<Normalizer> make_normalizer(const Json& json, const std::string& where);

class Fields;
// BertNormalizer, Nmt, Precompiled; nullptr for any other.
std::unique_ptr<Normalizer> make_cleaning_normalizer(std::string_view type, Fields& fields);

// The "pattern" of Replace and Split: {"String": s} or {"Regex": r}.
Regex parse_pattern(const Json& json, const std::string& where);

}  // namespace firstlight::text
