// One class a pre-tokenizer.
#include "firstlight/text/pre_tokenizer.h"

#include <fmt/format.h>

#include "firstlight/base/error.h"
#include "firstlight/text/byte_level.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/normalizer.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

// The pattern of byte-level BPE's first tokenizer (Radford et al., 2019).
constexpr std::string_view kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

class Sequence : public PreTokenizer {
 public:
  explicit Sequence(Fields& fields) {
    const Json& list = fields.array("pretokenizers");
    for (std::size_t i = 0; i < list.size(); ++i)
      steps_.push_back(make_pre_tokenizer(list[i], fmt::format("{}[{}]", fields.where("pretokenizers"), i)));
  }
  void apply(std::vector<Piece>& pieces) const override {
    for (const auto& step : steps_) step->apply(pieces);
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> steps_;
};

// A pre-tokenizer that treats each piece alone.
class PieceWise : public PreTokenizer {
 public:
  void apply(std::vector<Piece>& pieces) const final {
    std::vector<Piece> out;
    out.reserve(pieces.size());
    for (Piece& piece : pieces) cut(piece, out);
    pieces = std::move(out);
  }

 protected:
  virtual void cut(Piece& piece, std::vector<Piece>& out) const = 0;
};

class ByteLevel : public PieceWise {
 public:
  explicit ByteLevel(Fields& fields) : add_prefix_space_(fields.boolean("add_prefix_space")) {
    if (fields.boolean("use_regex", true)) regex_ = std::make_unique<Regex>(kByteLevelPattern, fields.where());
    fields.ignore({"trim_offsets"});  // changes offsets only
  }

 protected:
  void cut(Piece& piece, std::vector<Piece>& out) const override {
    if (add_prefix_space_ && !piece.text.starts_with(' ')) piece.text.insert(0, 1, ' ');
    const std::size_t first = out.size();
    if (regex_)
      split(piece, cut_by(*regex_, piece.text), SplitBehavior::kIsolated, false, out);
    else
      out.push_back(std::move(piece));
    for (std::size_t i = first; i < out.size(); ++i) out[i].text = bytes_to_characters(out[i].text);
  }

 private:
  bool add_prefix_space_;
  std::unique_ptr<Regex> regex_;
};

class Split : public PieceWise {
 public:
  Split(Regex regex, SplitBehavior behavior, bool invert)
      : regex_(std::move(regex)), behavior_(behavior), invert_(invert) {}
  explicit Split(Fields& fields)
      : Split(parse_pattern(fields.at("pattern"), fields.where("pattern")),
              parse_split_behavior(fields.text("behavior"), fields.where("behavior")), fields.boolean("invert")) {}

 protected:
  void cut(Piece& piece, std::vector<Piece>& out) const override {
    split(piece, cut_by(regex_, piece.text), behavior_, invert_, out);
  }

 private:
  Regex regex_;
  SplitBehavior behavior_;
  bool invert_;
};

// Splits at code points of a class.
class ClassSplit : public PieceWise {
 public:
  ClassSplit(bool (*predicate)(char32_t), SplitBehavior behavior) : predicate_(predicate), behavior_(behavior) {}

 protected:
  void cut(Piece& piece, std::vector<Piece>& out) const override {
    split(piece, cut_by(predicate_, piece.text), behavior_, false, out);
  }

 private:
  bool (*predicate_)(char32_t);
  SplitBehavior behavior_;
};

// Runs of word characters, and runs of what is neither word nor whitespace.
class Whitespace : public PieceWise {
 protected:
  void cut(Piece& piece, std::vector<Piece>& out) const override {
    enum class Kind { kSpace, kWord, kOther };
    const std::string_view text = piece.text;
    Kind current = Kind::kSpace;
    std::size_t begin = 0;
    const auto flush = [&](std::size_t end) {
      if (current != Kind::kSpace && begin < end)
        out.push_back({std::string(text.substr(begin, end - begin)), piece.at_start && begin == 0});
      begin = end;
    };
    for (std::size_t i = 0; i < text.size();) {
      const CodePoint c = code_point_at(text, i);
      const Kind kind = is_word(c.value) ? Kind::kWord : is_whitespace(c.value) ? Kind::kSpace : Kind::kOther;
      if (kind != current) flush(i);
      current = kind;
      i += c.bytes;
    }
    flush(text.size());
  }
};

class Metaspace : public PieceWise {
 public:
  explicit Metaspace(Fields& fields)
      : fields_(parse_metaspace(fields)), regex_(Regex::literal(fields_.replacement, fields.where())) {}

 protected:
  void cut(Piece& piece, std::vector<Piece>& out) const override {
    std::string text;
    for (const char c : piece.text) c == ' ' ? text.append(fields_.replacement) : text.append(1, c);
    const bool prepend =
        fields_.scheme == PrependScheme::kAlways || (fields_.scheme == PrependScheme::kFirst && piece.at_start);
    if (prepend && !text.starts_with(fields_.replacement)) text.insert(0, fields_.replacement);
    piece.text = std::move(text);
    if (fields_.split)
      split(piece, cut_by(regex_, piece.text), SplitBehavior::kMergedWithNext, false, out);
    else
      out.push_back(std::move(piece));
  }

 private:
  MetaspaceFields fields_;
  Regex regex_;
};

}  // namespace

MetaspaceFields parse_metaspace(Fields& fields) {
  MetaspaceFields metaspace;
  metaspace.replacement = to_utf8(fields.character("replacement"));
  const std::string scheme = fields.optional_text("prepend_scheme").value_or("always");
  if (scheme == "first")
    metaspace.scheme = PrependScheme::kFirst;
  else if (scheme == "never")
    metaspace.scheme = PrependScheme::kNever;
  else if (scheme == "always")
    metaspace.scheme = PrependScheme::kAlways;
  else
    fail(Category::kBadInput, fields.where("prepend_scheme"), "expected first, never or always, found '{}'", scheme);
  // An older spelling of the same thing.
  if (!fields.boolean("add_prefix_space", true) && metaspace.scheme != PrependScheme::kNever)
    fail(Category::kBadInput, fields.where("add_prefix_space"), "false, but prepend_scheme is '{}'", scheme);
  metaspace.split = fields.boolean("split", true);
  fields.ignore({"str_rep"});  // the replacement once more
  return metaspace;
}

std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Json& json, const std::string& where) {
  Fields fields(json, where);
  const std::string type = fields.text("type");
  std::unique_ptr<PreTokenizer> made;
  if (type == "Sequence") made = std::make_unique<Sequence>(fields);
  if (type == "ByteLevel") made = std::make_unique<ByteLevel>(fields);
  if (type == "Split") made = std::make_unique<Split>(fields);
  if (type == "Metaspace") made = std::make_unique<Metaspace>(fields);
  if (type == "Whitespace") made = std::make_unique<Whitespace>();
  if (type == "WhitespaceSplit") made = std::make_unique<ClassSplit>(&is_whitespace, SplitBehavior::kRemoved);
  if (type == "Digits") {
    const bool each = fields.boolean("individual_digits");
    made = std::make_unique<ClassSplit>(&is_numeric, each ? SplitBehavior::kIsolated : SplitBehavior::kContiguous);
  }
  if (type == "Punctuation") {
    const std::string behavior = fields.optional_text("behavior").value_or("Isolated");
    made = std::make_unique<ClassSplit>(&is_punctuation, parse_split_behavior(behavior, fields.where("behavior")));
  }
  if (!made)
    fail(Category::kUnsupported, where,
         "pre-tokenizer '{}'; accepted are Sequence, ByteLevel, Split, Metaspace, Whitespace, WhitespaceSplit, Digits, "
         "Punctuation",
         type);
  fields.done();
  return made;
}

}  // namespace firstlight::text
