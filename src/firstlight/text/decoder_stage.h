// What the decoders' stages are made of.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "firstlight/text/decoder.h"

namespace firstlight::text {

// A decoder whose stages are made by a function.
class SimpleDecoder : public Decoder {
 public:
  using Make = std::function<std::unique_ptr<DecoderStage>(DecoderStage&)>;
  explicit SimpleDecoder(Make make) : make_(std::move(make)) {}
  std::unique_ptr<DecoderStage> stage(DecoderStage& next) const override { return make_(next); }

 private:
  Make make_;
};

// A stage that needs whole tokens.
class WholeToken : public DecoderStage {
 public:
  explicit WholeToken(DecoderStage& next) : next_(next) {}
  void add(std::string_view fragment) final { token_ += fragment; }
  void end_token() final {
    token(token_);
    token_.clear();
  }
  void finish() override { next_.finish(); }

 protected:
  virtual void token(const std::string& token) = 0;
  void pass(std::string_view token) {
    next_.add(token);
    next_.end_token();
  }
  DecoderStage& next_;

 private:
  std::string token_;
};

template <typename Stage, typename... Arguments>
std::unique_ptr<Decoder> simple_decoder(Arguments... arguments) {
  return std::make_unique<SimpleDecoder>(
      [=](DecoderStage& next) -> std::unique_ptr<DecoderStage> { return std::make_unique<Stage>(next, arguments...); });
}

class Fields;
// Decoders that put spaces between words: WordPiece, BPEDecoder, CTC. nullptr for any other.
std::unique_ptr<Decoder> make_word_decoder(std::string_view type, Fields& fields);

}  // namespace firstlight::text
