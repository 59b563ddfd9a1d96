// The pre-tokenizer of tokenizer.json: cuts normalised text into the words that the model sees.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/base/json.h"
#include "firstlight/text/words.h"

namespace firstlight::text {

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(Words& words) const = 0;
};

// A pre-tokenizer that only cuts, each word alone.
class Cutter : public PreTokenizer {
 public:
  void apply(Words& words) const final;

 protected:
  // Appends what becomes of `word`, a range of `text`.
  virtual void cut(std::string_view text, Range word, std::vector<Range>& out) const = 0;
};

// By "type": Sequence, ByteLevel, Split, Metaspace, and those of make_class_cutter. Throws kUnsupported for any other.
std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Json& json, const std::string& where);

class Fields;
// Pre-tokenizers that look at single characters: Whitespace, WhitespaceSplit, Digits, Punctuation, BertPreTokenizer,
// CharDelimiterSplit, UnicodeScripts, FixedLength. nullptr for any other.
std::unique_ptr<PreTokenizer> make_class_cutter(std::string_view type, Fields& fields);

// Metaspace's fields, shared with its decoder.
enum class PrependScheme { kFirst, kNever, kAlways };
struct MetaspaceFields {
  std::string replacement;
  PrependScheme scheme;
  bool split;
};
MetaspaceFields parse_metaspace(Fields& fields);

}  // namespace firstlight::text
