// The pre-tokenizer of tokenizer.json: cuts normalised text into the words that the model sees.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "firstlight/base/json.h"
#include "firstlight/text/split.h"

namespace firstlight::text {

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(std::vector<Piece>& pieces) const = 0;
};

// By "type": Sequence, ByteLevel, Split, Metaspace, Whitespace, WhitespaceSplit, Digits, Punctuation. Throws
// kUnsupported for any other.
std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Json& json, const std::string& where);

// Metaspace's fields, shared with its decoder.
enum class PrependScheme { kFirst, kNever, kAlways };
struct MetaspaceFields {
  std::string replacement;
  PrependScheme scheme;
  bool split;
};
class Fields;
MetaspaceFields parse_metaspace(Fields& fields);

}  // namespace firstlight::text
