// The decoder of tokenizer.json: pieces back into text, one piece at a time. Whole texts and streams take the same way,
// so that a stream's parts add up to the whole text by construction.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "firstlight/base/json.h"

namespace firstlight::text {

// Takes tokens as fragments of valid UTF-8: add() any number of times, then end_token(); after the last token finish().
class DecoderStage {
 public:
  virtual ~DecoderStage() = default;
  virtual void add(std::string_view fragment) = 0;
  virtual void end_token() = 0;
  virtual void finish() = 0;
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  // A fresh stage that writes to `next`, which must outlive it.
  virtual std::unique_ptr<DecoderStage> stage(DecoderStage& next) const = 0;
};

// By "type": Sequence, Replace, ByteFallback, Fuse, Strip, Metaspace, ByteLevel. Throws kUnsupported for any other.
std::unique_ptr<Decoder> make_decoder(const Json& json, const std::string& where);
// What stands in where tokenizer.json has no decoder: pieces joined by spaces.
std::unique_ptr<Decoder> make_joining_decoder();
// `inner`, then the white space around each of its tokens goes, as Python's str.strip() takes it.
std::unique_ptr<Decoder> make_stripping_decoder(std::unique_ptr<Decoder> inner);

}  // namespace firstlight::text
