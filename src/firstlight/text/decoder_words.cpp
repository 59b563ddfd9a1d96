// Decoders of vocabularies whose pieces say where words begin or end.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "firstlight/text/decoder_stage.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

// An empty `from` stands at both ends and between all characters.
std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  if (from.empty()) {
    out = to;
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t bytes = code_point_at(text, i).bytes;
      out.append(text.substr(i, bytes)).append(to);
      i += bytes;
    }
    return out;
  }
  std::size_t done = 0;
  for (std::size_t at; (at = text.find(from, done)) != std::string_view::npos; done = at + from.size())
    out.append(text.substr(done, at - done)).append(to);
  return out.append(text.substr(done));
}

// English spacing, by the rules and in the order of `tokenizers`.
std::string cleaned(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules) text = replaced(text, from, to);
  return text;
}

// A piece with the prefix goes on; any other is a new word.
class WordPieceStage : public WholeToken {
 public:
  WordPieceStage(DecoderStage& next, std::string prefix, bool cleanup)
      : WholeToken(next), prefix_(std::move(prefix)), cleanup_(cleanup) {}

 protected:
  void token(const std::string& token) override {
    std::string text = token;
    if (!std::exchange(first_, false)) {
      if (text.starts_with(prefix_))
        text.erase(0, prefix_.size());
      else
        text.insert(0, 1, ' ');
    }
    pass(cleanup_ ? cleaned(std::move(text)) : text);
  }

 private:
  std::string prefix_;
  bool cleanup_;
  bool first_ = true;
};

// The suffix ends a word: a space follows, but not after the last piece, which is why one is held back.
class WordSuffixStage : public WholeToken {
 public:
  WordSuffixStage(DecoderStage& next, std::string suffix) : WholeToken(next), suffix_(std::move(suffix)) {}
  void finish() override {
    if (held_) pass(replaced(*held_, suffix_, ""));
    held_.reset();
    next_.finish();
  }

 protected:
  void token(const std::string& token) override {
    if (held_) pass(replaced(*held_, suffix_, " "));
    held_ = token;
  }

 private:
  std::string suffix_;
  std::optional<std::string> held_;
};

// Connectionist temporal classification: repeated pieces are one, the pad is nothing.
class CtcStage : public WholeToken {
 public:
  CtcStage(DecoderStage& next, std::string pad, std::string delimiter, bool cleanup)
      : WholeToken(next), pad_(std::move(pad)), delimiter_(std::move(delimiter)), cleanup_(cleanup) {}

 protected:
  void token(const std::string& token) override {
    if (last_ == token) return;
    last_ = token;
    std::string text = replaced(token, pad_, "");
    if (cleanup_) text = replaced(cleaned(std::move(text)), delimiter_, " ");
    if (!text.empty()) pass(text);
  }

 private:
  std::string pad_, delimiter_;
  bool cleanup_;
  std::optional<std::string> last_;
};

// White space of Unicode, and the four separators of ASCII that Python counts among it.
bool python_space(char32_t value) { return is_whitespace(value) || (value >= 0x1C && value <= 0x1F); }

class PythonStrip : public WholeToken {
 public:
  using WholeToken::WholeToken;

 protected:
  void token(const std::string& token) override {
    std::size_t begin = token.size(), end = 0;  // of what stays
    for (std::size_t i = 0; i < token.size();) {
      const CodePoint point = code_point_at(token, i);
      if (!python_space(point.value)) {
        begin = std::min(begin, i);
        end = i + point.bytes;
      }
      i += point.bytes;
    }
    pass(begin < end ? std::string_view(token).substr(begin, end - begin) : std::string_view());
  }
};

class StrippedStage : public DecoderStage {
 public:
  StrippedStage(DecoderStage& next, const std::shared_ptr<const Decoder>& inner)
      : strip_(next), inner_(inner->stage(strip_)) {}
  void add(std::string_view fragment) override { inner_->add(fragment); }
  void end_token() override { inner_->end_token(); }
  void finish() override { inner_->finish(); }

 private:
  PythonStrip strip_;
  std::unique_ptr<DecoderStage> inner_;
};

}  // namespace

std::unique_ptr<Decoder> make_stripping_decoder(std::unique_ptr<Decoder> inner) {
  return simple_decoder<StrippedStage>(std::shared_ptr<const Decoder>(std::move(inner)));
}

std::unique_ptr<Decoder> make_word_decoder(std::string_view type, Fields& fields) {
  if (type == "WordPiece") {
    const std::string prefix = fields.text("prefix");
    return simple_decoder<WordPieceStage>(prefix, fields.boolean("cleanup"));
  }
  if (type == "BPEDecoder") return simple_decoder<WordSuffixStage>(fields.text("suffix"));
  if (type == "CTC") {
    const std::string pad = fields.text("pad_token"), delimiter = fields.text("word_delimiter_token");
    return simple_decoder<CtcStage>(pad, delimiter, fields.boolean("cleanup"));
  }
  return nullptr;
}

}  // namespace firstlight::text
