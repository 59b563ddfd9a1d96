// One stage class a decoder. A stage passes text on as soon as nothing that follows can change it.
#include "firstlight/text/decoder.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "firstlight/base/error.h"
#include "firstlight/text/byte_level.h"
#include "firstlight/text/decoder_stage.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/normalizer.h"
#include "firstlight/text/pre_tokenizer.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

class DecoderSequence : public Decoder {
 public:
  explicit DecoderSequence(Fields& fields) {
    const Json& list = fields.array("decoders");
    for (std::size_t i = 0; i < list.size(); ++i)
      steps_.push_back(make_decoder(list[i], fmt::format("{}[{}]", fields.where("decoders"), i)));
  }

  std::unique_ptr<DecoderStage> stage(DecoderStage& next) const override {
    auto chain = std::make_unique<Chain>();
    DecoderStage* target = &next;
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
      chain->stages.push_back((*step)->stage(*target));
      target = chain->stages.back().get();
    }
    chain->first = target;
    return chain;
  }

 private:
  struct Chain : DecoderStage {
    std::vector<std::unique_ptr<DecoderStage>> stages;  // last to first
    DecoderStage* first = nullptr;
    void add(std::string_view fragment) override { first->add(fragment); }
    void end_token() override { first->end_token(); }
    void finish() override { first->finish(); }
  };
  std::vector<std::unique_ptr<Decoder>> steps_;
};

class ReplaceStage : public WholeToken {
 public:
  ReplaceStage(DecoderStage& next, const Regex& regex, const std::string& content)
      : WholeToken(next), regex_(regex), content_(content) {}

 protected:
  void token(const std::string& token) override {
    std::string out;
    for (const Cut& cut : cut_by(regex_, token))
      out += cut.is_match ? std::string_view(content_)
                          : std::string_view(token).substr(cut.range.begin, cut.range.end - cut.range.begin);
    pass(out);
  }

 private:
  Regex regex_;
  std::string content_;
};

// The byte of a piece "<0xHH>".
std::optional<char> fallback_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  int value = 0;
  for (const char c : token.substr(3, 2)) {
    if (c == '+' && &c == &token[3]) continue;  // Rust's number parser takes a sign
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    value = value * 16 + digit;
  }
  return static_cast<char>(static_cast<std::uint8_t>(value));
}

// A run of byte pieces becomes text when it is valid UTF-8 as a whole, and one U+FFFD a byte otherwise: nothing of a
// run is known before it has ended.
class ByteFallbackStage : public WholeToken {
 public:
  using WholeToken::WholeToken;
  void finish() override {
    flush();
    next_.finish();
  }

 protected:
  void token(const std::string& token) override {
    if (const auto byte = fallback_byte(token)) {
      run_.push_back(*byte);
      return;
    }
    flush();
    pass(token);
  }

 private:
  void flush() {
    if (run_.empty()) return;
    if (is_valid_utf8(run_))
      pass(run_);
    else
      for (std::size_t i = 0; i < run_.size(); ++i) pass(kReplacementUtf8);
    run_.clear();
  }
  std::string run_;
};

class FuseStage : public DecoderStage {
 public:
  explicit FuseStage(DecoderStage& next) : next_(next) {}
  void add(std::string_view fragment) override { next_.add(fragment); }
  void end_token() override {}
  void finish() override {
    next_.end_token();
    next_.finish();
  }

 private:
  DecoderStage& next_;
};

// Cuts up to `start` leading and `stop` trailing `content` characters off each token.
class StripStage : public DecoderStage {
 public:
  StripStage(DecoderStage& next, std::string content, std::size_t start, std::size_t stop)
      : next_(next), content_(std::move(content)), start_(start), stop_(stop), left_(start) {}

  void add(std::string_view fragment) override {
    while (left_ > 0 && !fragment.empty()) {
      if (!fragment.starts_with(content_)) {
        left_ = 0;
        break;
      }
      fragment.remove_prefix(content_.size());
      --left_;
    }
    if (fragment.empty()) return;
    // Trailing content characters are held back, at most `stop` of them: they may be the token's last.
    held_ += fragment;
    std::size_t end = held_.size();
    for (std::size_t i = 0; i < stop_ && ends_with_content(end); ++i) end -= content_.size();
    next_.add(std::string_view(held_).substr(0, end));
    held_.erase(0, end);
  }
  void end_token() override {
    held_.clear();
    left_ = start_;
    next_.end_token();
  }
  void finish() override { next_.finish(); }

 private:
  bool ends_with_content(std::size_t end) const { return std::string_view(held_).substr(0, end).ends_with(content_); }

  DecoderStage& next_;
  std::string content_;  // one character
  std::size_t start_, stop_;
  std::size_t left_;  // leading characters that may still be cut
  std::string held_;
};

class MetaspaceStage : public DecoderStage {
 public:
  MetaspaceStage(DecoderStage& next, const MetaspaceFields& fields) : next_(next), fields_(fields) {}
  void add(std::string_view fragment) override {
    const bool drop = first_ && fields_.scheme != PrependScheme::kNever;
    std::string out;
    for (std::size_t i = 0; i < fragment.size();) {
      if (fragment.substr(i).starts_with(fields_.replacement)) {
        if (!drop) out += ' ';
        i += fields_.replacement.size();
      } else {
        out += fragment[i++];
      }
    }
    next_.add(out);
  }
  void end_token() override {
    first_ = false;
    next_.end_token();
  }
  void finish() override { next_.finish(); }

 private:
  DecoderStage& next_;
  MetaspaceFields fields_;
  bool first_ = true;
};

// All tokens' bytes as one text. What is not UTF-8 becomes U+FFFD; a code point that may still be completed waits.
class ByteLevelStage : public WholeToken {
 public:
  using WholeToken::WholeToken;
  void finish() override {
    emit(true);
    next_.end_token();
    next_.finish();
  }

 protected:
  void token(const std::string& token) override {
    bytes_ += characters_to_bytes(token).value_or(token);
    emit(false);
  }

 private:
  void emit(bool last) {
    std::string out;
    std::size_t i = 0;
    while (i < bytes_.size()) {
      const Utf8Step step = utf8_step(bytes_, i);
      if (step.incomplete && !last) break;
      out += step.valid ? std::string_view(bytes_).substr(i, step.bytes) : kReplacementUtf8;
      i += step.bytes;
    }
    bytes_.erase(0, i);
    next_.add(out);
  }
  std::string bytes_;
};

class JoiningStage : public DecoderStage {
 public:
  explicit JoiningStage(DecoderStage& next) : next_(next) {}
  void add(std::string_view fragment) override {
    if (between_) next_.add(" ");
    between_ = false;
    next_.add(fragment);
  }
  void end_token() override { between_ = true; }
  void finish() override {
    next_.end_token();
    next_.finish();
  }

 private:
  DecoderStage& next_;
  bool between_ = false;
};

}  // namespace

std::unique_ptr<Decoder> make_joining_decoder() { return simple_decoder<JoiningStage>(); }

std::unique_ptr<Decoder> make_decoder(const Json& json, const std::string& where) {
  Fields fields(json, where);
  const std::string type = fields.text("type");
  std::unique_ptr<Decoder> made;
  if (type == "Sequence") {
    made = std::make_unique<DecoderSequence>(fields);
  } else if (type == "Replace") {
    const Regex regex = parse_pattern(fields.at("pattern"), fields.where("pattern"));
    made = simple_decoder<ReplaceStage>(regex, fields.text("content"));
  } else if (type == "ByteFallback") {
    made = simple_decoder<ByteFallbackStage>();
  } else if (type == "Fuse") {
    made = simple_decoder<FuseStage>();
  } else if (type == "Strip") {
    const std::string content = to_utf8(fields.character("content"));
    const auto start = static_cast<std::size_t>(fields.integer("start", 0, 1 << 20));
    const auto stop = static_cast<std::size_t>(fields.integer("stop", 0, 1 << 20));
    made = simple_decoder<StripStage>(content, start, stop);
  } else if (type == "Metaspace") {
    made = simple_decoder<MetaspaceStage>(parse_metaspace(fields));
  } else if (type == "ByteLevel") {
    made = simple_decoder<ByteLevelStage>();
    fields.ignore({"add_prefix_space", "trim_offsets", "use_regex"});
  } else {
    made = make_word_decoder(type, fields);
  }
  if (!made)
    fail(Category::kUnsupported, where,
         "decoder '{}'; accepted are Sequence, Replace, ByteFallback, Fuse, Strip, Metaspace, ByteLevel, WordPiece, "
         "BPEDecoder, CTC",
         type);
  fields.done();
  return made;
}

}  // namespace firstlight::text
