// The decoder's stages with a string at their end.
#include "firstlight/text/stream_decoder.h"

#include <utility>

#include "firstlight/text/decoder.h"
#include "firstlight/text/tokenizer.h"

namespace firstlight::text {

struct StreamDecoder::Sink : DecoderStage {
  std::string text;
  void add(std::string_view fragment) override { text += fragment; }
  void end_token() override {}
  void finish() override {}
};

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens)
    : tokenizer_(&tokenizer),
      skip_special_tokens_(skip_special_tokens),
      sink_(std::make_unique<Sink>()),
      first_(tokenizer.decoder_stage(*sink_)) {}
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;
StreamDecoder::~StreamDecoder() = default;

std::string StreamDecoder::push(std::int32_t id) {
  const std::string* piece = tokenizer_->piece(id);
  if (piece == nullptr || (skip_special_tokens_ && tokenizer_->is_special(id))) return {};
  first_->add(*piece);
  first_->end_token();
  return std::exchange(sink_->text, {});
}

std::string StreamDecoder::finish() {
  first_->finish();
  first_ = tokenizer_->decoder_stage(*sink_);
  return std::exchange(sink_->text, {});
}

}  // namespace firstlight::text
