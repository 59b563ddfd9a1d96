// Normalisers that clean text character by character: BertNormalizer, Nmt; and Precompiled, sentencepiece's map.
#include <optional>

#include "firstlight/base/error.h"
#include "firstlight/text/base64.h"
#include "firstlight/text/character_map.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/normalizer.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

// Rewrites character by character: `map` appends what replaces one.
template <typename Map>
void rewrite(Piece& piece, const Map& map) {
  std::string out;
  out.reserve(piece.text.size());
  for (std::size_t i = 0; i < piece.text.size();) {
    const CodePoint c = code_point_at(piece.text, i);
    map(out, c.value);
    if (i == 0 && out.empty()) piece.at_start = false;
    i += c.bytes;
  }
  piece.text = std::move(out);
}

// The blocks of unified ideographs, as BERT's own code lists them (U+2B820 is not in its list).
bool is_ideograph(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

class Bert : public Normalizer {
 public:
  explicit Bert(Fields& fields)
      : clean_(fields.boolean("clean_text", true)),
        ideographs_(fields.boolean("handle_chinese_chars", true)),
        lowercase_(fields.boolean("lowercase", true)),
        strip_accents_(fields.boolean("strip_accents", lowercase_)) {}

  void apply(Piece& piece) const override {
    if (clean_)
      rewrite(piece, [](std::string& out, char32_t c) {
        if (!is_bert_removed(c)) append_utf8(out, is_whitespace(c) ? U' ' : c);
      });
    if (ideographs_)
      rewrite(piece, [](std::string& out, char32_t c) {
        if (is_ideograph(c)) out += ' ';
        append_utf8(out, c);
        if (is_ideograph(c)) out += ' ';
      });
    if (strip_accents_) {
      piece.text = normal_form(piece.text, NormalForm::kNfd);
      rewrite(piece, [](std::string& out, char32_t c) {
        if (!is_nonspacing_mark(c)) append_utf8(out, c);
      });
    }
    if (lowercase_) piece.text = lower_case(piece.text);
  }

 private:
  bool clean_, ideographs_, lowercase_, strip_accents_;
};

// sentencepiece's "nmt" rules: controls go, unusual white space becomes a space.
class Nmt : public Normalizer {
 public:
  void apply(Piece& piece) const override {
    rewrite(piece, [](std::string& out, char32_t c) {
      const bool control =
          (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
      if (control) return;
      const bool space = c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 ||
                         (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF ||
                         c == 0xFFFD;
      append_utf8(out, space ? U' ' : c);
    });
  }
};

// The map applied the way `tokenizers` does it, which is not sentencepiece's: a grapheme of fewer than 6 bytes is
// replaced as a whole by what its shortest mapped beginning maps to; otherwise each character is looked up alone.
class Precompiled : public Normalizer {
 public:
  explicit Precompiled(Fields& fields) : map_(decoded(fields), fields.where()) {}

  void apply(Piece& piece) const override {
    const std::string_view text = piece.text;
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t end = grapheme_end(text, i);
      const std::string_view grapheme = text.substr(i, end - i);
      const auto whole = grapheme.size() < 6 ? map_.shortest(grapheme) : std::nullopt;
      if (whole) {
        out += whole->to;
        i = end;
      }
      while (i < end) {
        const std::string_view character = text.substr(i, code_point_at(text, i).bytes);
        const auto match = map_.shortest(character);
        out += match ? match->to : character;
        i += character.size();
      }
    }
    piece.text = std::move(out);
  }

 private:
  static std::string decoded(Fields& fields) {
    const auto bytes = decode_base64(fields.text("precompiled_charsmap"));
    if (!bytes) fail(Category::kBadInput, fields.where("precompiled_charsmap"), "not base64");
    return *bytes;
  }
  CharacterMap map_;
};

}  // namespace

std::unique_ptr<Normalizer> make_cleaning_normalizer(std::string_view type, Fields& fields) {
  if (type == "BertNormalizer") return std::make_unique<Bert>(fields);
  if (type == "Nmt") return std::make_unique<Nmt>();
  if (type == "Precompiled") return std::make_unique<Precompiled>(fields);
  return nullptr;
}

}  // namespace firstlight::text
