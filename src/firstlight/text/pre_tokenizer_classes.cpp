// Pre-tokenizers that cut by what each character is.
#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/pre_tokenizer.h"
#include "firstlight/text/split.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

// Cuts at code points of a class.
template <typename Predicate>
class ClassCutter : public Cutter {
 public:
  ClassCutter(Predicate predicate, SplitBehavior behavior) : predicate_(predicate), behavior_(behavior) {}

 protected:
  void cut(std::string_view text, Range word, std::vector<Range>& out) const override {
    const std::string_view inside = text.substr(word.begin, word.end - word.begin);
    std::vector<Cut> cuts;
    std::size_t done = 0;
    for (std::size_t i = 0; i < inside.size();) {
      const CodePoint c = code_point_at(inside, i);
      if (predicate_(c.value)) {
        if (done < i) cuts.push_back({{done, i}, false});
        cuts.push_back({{i, i + c.bytes}, true});
        done = i + c.bytes;
      }
      i += c.bytes;
    }
    if (done < inside.size()) cuts.push_back({{done, inside.size()}, false});
    split(word, std::move(cuts), behavior_, false, out);
  }

 private:
  Predicate predicate_;
  SplitBehavior behavior_;
};

template <typename Predicate>
std::unique_ptr<PreTokenizer> class_cutter(Predicate predicate, SplitBehavior behavior) {
  return std::make_unique<ClassCutter<Predicate>>(predicate, behavior);
}

// Cuts into runs of characters of one kind; `kind_of` gives 0 for what is dropped, and `kAlone` for a character that is
// a word by itself.
constexpr int kAlone = -1;
template <typename KindOf>
class RunCutter : public Cutter {
 public:
  explicit RunCutter(KindOf kind_of) : kind_of_(kind_of) {}

 protected:
  void cut(std::string_view text, Range word, std::vector<Range>& out) const override {
    int current = 0;
    std::size_t begin = word.begin;
    const auto flush = [&](std::size_t end) {
      if (current != 0 && begin < end) out.push_back({begin, end});
      begin = end;
    };
    for (std::size_t i = word.begin; i < word.end;) {
      const CodePoint c = code_point_at(text, i);
      const int kind = kind_of_(c.value);
      if (kind != current || kind == kAlone) flush(i);
      current = kind;
      i += c.bytes;
    }
    flush(word.end);
  }

 private:
  KindOf kind_of_;
};

template <typename KindOf>
std::unique_ptr<PreTokenizer> run_cutter(KindOf kind_of) {
  return std::make_unique<RunCutter<KindOf>>(kind_of);
}

// Cuts where the script changes. Characters of any script (spaces, say) go with what is before them, and are lost where
// nothing is.
class UnicodeScripts : public Cutter {
 protected:
  void cut(std::string_view text, Range word, std::vector<Range>& out) const override {
    int last = 0;
    for (std::size_t i = word.begin; i < word.end;) {
      const CodePoint c = code_point_at(text, i);
      const int script = script_of(c.value);
      if (script != 0 && script != last) {
        if (last != 0) out.back().end = i;
        out.push_back({i, word.end});
        last = script;
      }
      i += c.bytes;
    }
  }
};

// Words of a fixed number of characters.
class FixedLength : public Cutter {
 public:
  explicit FixedLength(std::size_t length) : length_(length) {}

 protected:
  void cut(std::string_view text, Range word, std::vector<Range>& out) const override {
    std::size_t begin = word.begin, count = 0;
    for (std::size_t i = word.begin; i < word.end;) {
      i += code_point_at(text, i).bytes;
      if (++count < length_ && i < word.end) continue;
      out.push_back({begin, i});
      begin = i;
      count = 0;
    }
  }

 private:
  std::size_t length_;
};

}  // namespace

std::unique_ptr<PreTokenizer> make_class_cutter(std::string_view type, Fields& fields) {
  if (type == "WhitespaceSplit") return class_cutter(&is_whitespace, SplitBehavior::kRemoved);
  if (type == "Whitespace")  // runs of word characters, and runs of what is neither word nor white space
    return run_cutter([](char32_t c) { return is_word(c) ? 1 : is_whitespace(c) ? 0 : 2; });
  if (type == "BertPreTokenizer")
    return run_cutter([](char32_t c) { return is_whitespace(c) ? 0 : is_punctuation(c) ? kAlone : 1; });
  if (type == "Digits") {
    const bool each = fields.boolean("individual_digits");
    return class_cutter(&is_numeric, each ? SplitBehavior::kIsolated : SplitBehavior::kContiguous);
  }
  if (type == "Punctuation") {
    const std::string behavior = fields.optional_text("behavior").value_or("Isolated");
    return class_cutter(&is_punctuation, parse_split_behavior(behavior, fields.where("behavior")));
  }
  if (type == "CharDelimiterSplit") {
    const char32_t delimiter = fields.character("delimiter");
    return class_cutter([delimiter](char32_t c) { return c == delimiter; }, SplitBehavior::kRemoved);
  }
  if (type == "UnicodeScripts") return std::make_unique<UnicodeScripts>();
  if (type == "FixedLength")
    return std::make_unique<FixedLength>(static_cast<std::size_t>(fields.integer("length", 1, 1 << 30)));
  return nullptr;
}

}  // namespace firstlight::text
