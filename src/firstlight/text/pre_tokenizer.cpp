// Pre-tokenizers that cut by pattern or rewrite the text.
#include "firstlight/text/pre_tokenizer.h"

#include <fmt/format.h>

#include "firstlight/base/error.h"
#include "firstlight/text/byte_level_parts.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/normalizer.h"
#include "firstlight/text/split.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

class Sequence : public PreTokenizer {
 public:
  explicit Sequence(Fields& fields) {
    const Json& list = fields.array("pretokenizers");
    for (std::size_t i = 0; i < list.size(); ++i)
      steps_.push_back(make_pre_tokenizer(list[i], fmt::format("{}[{}]", fields.where("pretokenizers"), i)));
  }
  void apply(Words& words) const override {
    for (const auto& step : steps_) step->apply(words);
  }

 private:
  std::vector<std::unique_ptr<PreTokenizer>> steps_;
};

// Cuts at a pattern.
class Split : public Cutter {
 public:
  explicit Split(Fields& fields)
      : regex_(parse_pattern(fields.at("pattern"), fields.where("pattern"))),
        behavior_(parse_split_behavior(fields.text("behavior"), fields.where("behavior"))),
        invert_(fields.boolean("invert")) {}
  explicit Split(Regex regex) : regex_(std::move(regex)), behavior_(SplitBehavior::kIsolated), invert_(false) {}

  void cut(std::string_view text, Range word, std::vector<Range>& out) const override {
    const std::string_view inside = text.substr(word.begin, word.end - word.begin);
    if (behavior_ == SplitBehavior::kIsolated)
      isolate(word, inside, out);
    else
      split(word, cut_by(regex_, inside), behavior_, invert_, out);
  }

 private:
  // Matches and gaps alike become words.
  void isolate(Range word, std::string_view inside, std::vector<Range>& out) const {
    std::size_t done = 0;
    const auto add = [&](std::size_t begin, std::size_t end) {
      if (begin < end) out.push_back({word.begin + begin, word.begin + end});
      done = end;
    };
    regex_.for_each(inside, [&](Range match) {
      add(done, match.begin);
      add(match.begin, match.end);
    });
    add(done, inside.size());
  }

  Regex regex_;
  SplitBehavior behavior_;
  bool invert_;
};

class ByteLevel : public PreTokenizer {
 public:
  explicit ByteLevel(Fields& fields) : add_prefix_space_(fields.boolean("add_prefix_space")) {
    if (fields.boolean("use_regex", true)) split_ = std::make_unique<Split>(Regex(kFirstSplit, fields.where()));
    fields.ignore({"trim_offsets"});  // changes offsets only
  }
  void apply(Words& words) const override {
    words.write_bytes();
    if (add_prefix_space_) {
      WordsWriter writer(words);
      for (const Range range : words.ranges) {
        if (words.text[range.begin] != ' ') writer.text() += ' ';
        writer.text() += words.word(range);
        writer.end_word();
      }
      writer.finish();
    }
    if (split_) split_->apply(words);
    words.in_bytes = true;
  }

 private:
  bool add_prefix_space_;
  std::unique_ptr<Split> split_;
};

// Spaces become a visible mark, which also stands in front of the text, and words begin at the mark.
class Metaspace : public PreTokenizer {
 public:
  explicit Metaspace(Fields& fields) : fields_(parse_metaspace(fields)) {}
  void apply(Words& words) const override {
    words.write_bytes();
    const std::string& mark = fields_.replacement;
    WordsWriter writer(words);
    std::string& text = writer.text();
    for (const Range range : words.ranges) {
      const std::string_view word = words.word(range);
      const bool wanted = fields_.scheme == PrependScheme::kAlways ||
                          (fields_.scheme == PrependScheme::kFirst && words.is_at_start(range));
      if (wanted && word[0] != ' ' && !word.starts_with(mark)) text += mark;
      for (std::size_t i = 0; i < word.size();) {
        const bool space = word[i] == ' ';
        if (fields_.split && (space || word.substr(i).starts_with(mark))) writer.end_word();
        const std::size_t end = i + code_point_at(word, i).bytes;
        text += space ? std::string_view(mark) : word.substr(i, end - i);
        i = end;
      }
      writer.end_word();
    }
    writer.finish();
  }

 private:
  MetaspaceFields fields_;
};

}  // namespace

void Cutter::apply(Words& words) const {
  words.write_bytes();
  std::vector<Range> out;
  out.reserve(words.text.size() / 4 + 1);
  for (const Range range : words.ranges) cut(words.text, range, out);
  words.ranges = std::move(out);
}

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
  if (!made) made = make_class_cutter(type, fields);
  if (!made)
    fail(Category::kUnsupported, where,
         "pre-tokenizer '{}'; accepted are Sequence, ByteLevel, Split, Metaspace, Whitespace, WhitespaceSplit, Digits, "
         "Punctuation, BertPreTokenizer, CharDelimiterSplit, UnicodeScripts, FixedLength",
         type);
  fields.done();
  return made;
}

}  // namespace firstlight::text
