// One class a normaliser.
#include "firstlight/text/normalizer.h"

#include <fmt/format.h>

#include "firstlight/base/error.h"
#include "firstlight/text/byte_level.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

class Sequence : public Normalizer {
 public:
  Sequence(Fields& fields) {
    const Json& list = fields.array("normalizers");
    for (std::size_t i = 0; i < list.size(); ++i)
      steps_.push_back(make_normalizer(list[i], fmt::format("{}[{}]", fields.where("normalizers"), i)));
  }
  void apply(Piece& piece) const override {
    for (const auto& step : steps_) step->apply(piece);
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> steps_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(Fields& fields) : prefix_(fields.text("prepend")) {}
  void apply(Piece& piece) const override {
    if (!piece.text.empty()) piece.text.insert(0, prefix_);
  }

 private:
  std::string prefix_;
};

class Replace : public Normalizer {
 public:
  explicit Replace(Fields& fields)
      : regex_(parse_pattern(fields.at("pattern"), fields.where("pattern"))), content_(fields.text("content")) {}
  void apply(Piece& piece) const override {
    std::string out;
    const std::vector<Cut> cuts = cut_by(regex_, piece.text);
    for (const Cut& cut : cuts)
      out += cut.is_match ? std::string_view(content_)
                          : std::string_view(piece.text).substr(cut.range.begin, cut.range.end - cut.range.begin);
    if (content_.empty() && cuts.front().is_match) piece.at_start = false;
    piece.text = std::move(out);
  }

 private:
  Regex regex_;
  std::string content_;
};

class Unicode : public Normalizer {
 public:
  explicit Unicode(NormalForm form) : form_(form) {}
  void apply(Piece& piece) const override { piece.text = normal_form(piece.text, form_); }

 private:
  NormalForm form_;
};

class Lowercase : public Normalizer {
 public:
  void apply(Piece& piece) const override { piece.text = lower_case(piece.text); }
};

class Strip : public Normalizer {
 public:
  explicit Strip(Fields& fields) : left_(fields.boolean("strip_left")), right_(fields.boolean("strip_right")) {}
  void apply(Piece& piece) const override {
    std::string& text = piece.text;
    std::size_t end = text.size();
    while (right_ && end > 0 && is_whitespace(code_point_before(text, end).value))
      end -= code_point_before(text, end).bytes;
    text.resize(end);
    std::size_t begin = 0;
    while (left_ && begin < end && is_whitespace(code_point_at(text, begin).value))
      begin += code_point_at(text, begin).bytes;
    if (begin > 0) piece.at_start = false;
    text.erase(0, begin);
  }

 private:
  bool left_, right_;
};

class StripAccents : public Normalizer {
 public:
  void apply(Piece& piece) const override {
    std::string out;
    for (std::size_t i = 0; i < piece.text.size();) {
      const CodePoint c = code_point_at(piece.text, i);
      if (!is_mark(c.value))
        append_utf8(out, c.value);
      else if (i == 0)
        piece.at_start = false;
      i += c.bytes;
    }
    piece.text = std::move(out);
  }
};

// Bytes as printable characters, before anything cuts the text.
class ByteCharacters : public Normalizer {
 public:
  void apply(Piece& piece) const override { piece.text = bytes_to_characters(piece.text); }
};

}  // namespace

Regex parse_pattern(const Json& json, const std::string& where) {
  Fields fields(json, where);
  const auto literal = fields.optional_text("String");
  const auto regex = fields.optional_text("Regex");
  fields.done();
  if (literal.has_value() == regex.has_value())
    fail(Category::kBadInput, where, "expected either {{\"String\": ...}} or {{\"Regex\": ...}}");
  return literal ? Regex::literal(*literal, where) : Regex(*regex, where);
}

std::unique_ptr<Normalizer> make_normalizer(const Json& json, const std::string& where) {
  Fields fields(json, where);
  const std::string type = fields.text("type");
  std::unique_ptr<Normalizer> made;
  if (type == "Sequence") made = std::make_unique<Sequence>(fields);
  if (type == "Prepend") made = std::make_unique<Prepend>(fields);
  if (type == "Replace") made = std::make_unique<Replace>(fields);
  if (type == "NFC") made = std::make_unique<Unicode>(NormalForm::kNfc);
  if (type == "NFD") made = std::make_unique<Unicode>(NormalForm::kNfd);
  if (type == "NFKC") made = std::make_unique<Unicode>(NormalForm::kNfkc);
  if (type == "NFKD") made = std::make_unique<Unicode>(NormalForm::kNfkd);
  if (type == "Lowercase") made = std::make_unique<Lowercase>();
  if (type == "Strip") made = std::make_unique<Strip>(fields);
  if (type == "StripAccents") made = std::make_unique<StripAccents>();
  if (type == "ByteLevel") made = std::make_unique<ByteCharacters>();
  if (!made) made = make_cleaning_normalizer(type, fields);
  if (!made)
    fail(Category::kUnsupported, where,
         "normalizer '{}'; accepted are Sequence, Prepend, Replace, NFC, NFD, NFKC, NFKD, Lowercase, Strip, "
         "StripAccents, ByteLevel, BertNormalizer, Nmt, Precompiled",
         type);
  fields.done();
  return made;
}

}  // namespace firstlight::text
