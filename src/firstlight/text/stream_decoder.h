// Decoding as ids arrive: what push() and finish() return adds up to Tokenizer::decode of all the ids.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace firstlight::text {

class Tokenizer;
class DecoderStage;

// Never returns half a character. Text is held back while a later id could still change it: an unfinished character
// of byte-level pieces, and a whole run of byte-fallback pieces (<0xE6> <0xBC> ...), which is text only if all of it is
// valid UTF-8.
class StreamDecoder {
 public:
  // `tokenizer` must outlive the stream.
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens = true);
  StreamDecoder(StreamDecoder&&) noexcept;
  StreamDecoder& operator=(StreamDecoder&&) noexcept;
  ~StreamDecoder();

  std::string push(std::int32_t id);
  // What was held back. After it the stream is ready for the next text.
  std::string finish();

 private:
  struct Sink;
  const Tokenizer* tokenizer_;
  bool skip_special_tokens_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<DecoderStage> first_;
};

}  // namespace firstlight::text
