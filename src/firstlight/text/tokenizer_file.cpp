// An event reader over the JSON text that sorts events into the lists or the tree.
#include "firstlight/text/tokenizer_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "firstlight/base/error.h"

namespace firstlight::text {
namespace {

constexpr std::size_t kMaxJsonDepth = 128;
// Objects of the tree are searched key by key; only the vocabulary, which is not in the tree, is larger.
constexpr std::size_t kMaxKeys = 10'000;
constexpr std::size_t kMaxEntries = 8'000'000;

// A decimal as the JSON reader of `tokenizers` makes it: its digits as one integer, rounded, then divided by a power of
// ten, rounded again. The last bit may differ from the nearest double, and of two ways of the same score it decides.
double as_the_library_reads(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  std::uint64_t digits = 0;
  int exponent = 0;
  bool fraction = false, full = false;
  std::size_t i = 0;
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    if (text[i] == '.') {
      fraction = true;
      continue;
    }
    const auto digit = static_cast<std::uint64_t>(text[i] - '0');
    full = full || digits > (UINT64_MAX - digit) / 10;
    if (!full) digits = digits * 10 + digit;
    exponent += full ? (fraction ? 0 : 1) : (fraction ? -1 : 0);
  }
  if (i < text.size()) {
    int written = 0;
    const std::string_view number = text.substr(i + (text[i + 1] == '+' ? 2 : 1));
    std::from_chars(number.data(), number.data() + number.size(), written);
    exponent += std::clamp(written, -10'000, 10'000);
  }
  auto value = static_cast<double>(digits);
  while (exponent < -308) {
    value /= 1e308;
    exponent += 308;
    if (value == 0) break;
  }
  value = exponent < 0 ? value / std::pow(10.0, -exponent) : value * std::pow(10.0, exponent);
  return negative ? -value : value;
}

class Reader : public nlohmann::json_sax<Json> {
 public:
  Reader(TokenizerFile& file, std::string_view where) : file_(file), where_(where) {}

  bool null() override { return value(nullptr); }
  bool boolean(bool v) override { return value(v); }
  bool number_integer(number_integer_t v) override { return integer(v, v); }
  bool number_unsigned(number_unsigned_t v) override {
    // Ids above any bound all read as the same impossible id.
    return integer(v > INT64_MAX ? INT64_MAX : static_cast<std::int64_t>(v), v);
  }
  bool number_float(number_float_t v, const string_t& text) override {
    return in_scores() ? score(as_the_library_reads(text)) : value(v);
  }
  bool binary(binary_t&) override { return false; }

  bool string(string_t& v) override {
    if (place_ == Place::kMerges) {
      const std::size_t space = v.find(' ');
      if (space == std::string::npos || v.find(' ', space + 1) != std::string::npos) bad_merge();
      add_merge(v.substr(0, space), v.substr(space + 1));
      return true;
    }
    if (place_ == Place::kPair) {
      if (pair_.size() == 2) bad_merge();
      pair_.push_back(std::move(v));
      return true;
    }
    if (place_ == Place::kScored) {
      if (filled_ != 0) bad_score();
      filled_ = 1;
      file_.vocab.emplace_back(std::move(v), static_cast<std::int64_t>(file_.vocab.size()));
      return true;
    }
    return value(std::move(v));
  }

  bool start_object(std::size_t) override {
    if (in_merges()) bad_merge();
    if (in_scores()) bad_score();
    if (place_ == Place::kVocab) bad_vocab();
    if (stack_.size() == 2 && path_is("model", "vocab")) {
      one_vocab();
      place_ = Place::kVocab;
      file_.has_vocab = true;
      return true;
    }
    return open(Json::object());
  }
  bool key(string_t& v) override {
    if (place_ == Place::kVocab) {
      if (file_.vocab.size() == kMaxEntries)
        fail(Category::kBadInput, where_, "model.vocab has more than {} entries", kMaxEntries);
      file_.vocab.emplace_back(std::move(v), -1);
      return true;
    }
    Json& object = *stack_.back();
    if (object.size() >= kMaxKeys) fail(Category::kBadInput, where_, "an object of more than {} keys", kMaxKeys);
    if (object.contains(v)) fail(Category::kBadInput, where_, "JSON key '{}' stands twice in one object", v);
    keys_.back() = v;
    slot_ = &(object[v] = nullptr);
    return true;
  }
  bool end_object() override {
    if (place_ == Place::kVocab) {
      place_ = Place::kTree;
      return true;
    }
    return close();
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::kVocab) bad_vocab();
    if (place_ == Place::kPair) bad_merge();
    if (place_ == Place::kMerges) {
      place_ = Place::kPair;
      pair_.clear();
      return true;
    }
    if (place_ == Place::kScored) bad_score();
    if (place_ == Place::kScores) {
      if (file_.vocab.size() == kMaxEntries)
        fail(Category::kBadInput, where_, "model.vocab has more than {} entries", kMaxEntries);
      place_ = Place::kScored;
      filled_ = 0;
      return true;
    }
    if (stack_.size() == 2 && path_is("model", "vocab")) {
      one_vocab();
      place_ = Place::kScores;
      file_.has_scores = true;
      return true;
    }
    if (stack_.size() == 2 && path_is("model", "merges")) {
      if (file_.has_merges) fail(Category::kBadInput, where_, "model.merges stands twice");
      place_ = Place::kMerges;
      file_.has_merges = true;
      return true;
    }
    return open(Json::array());
  }
  bool end_array() override {
    if (place_ == Place::kPair) {
      if (pair_.size() != 2) bad_merge();
      add_merge(std::move(pair_[0]), std::move(pair_[1]));
      place_ = Place::kMerges;
      return true;
    }
    if (place_ == Place::kScored) {
      if (filled_ != 2) bad_score();
      place_ = Place::kScores;
      return true;
    }
    if (place_ == Place::kMerges || place_ == Place::kScores) {
      place_ = Place::kTree;
      return true;
    }
    return close();
  }

  bool parse_error(std::size_t, const std::string&, const Json::exception& error) override {
    fail(Category::kBadInput, where_, "not JSON: {}", error.what());
  }

 private:
  enum class Place { kTree, kVocab, kScores, kScored, kMerges, kPair };

  bool in_merges() const { return place_ == Place::kMerges || place_ == Place::kPair; }
  bool in_scores() const { return place_ == Place::kScores || place_ == Place::kScored; }
  bool path_is(std::string_view outer, std::string_view inner) const { return keys_[0] == outer && keys_[1] == inner; }
  [[noreturn]] void bad_merge() const {
    fail(Category::kBadInput, where_, "model.merges[{}]: expected \"left right\" or [\"left\", \"right\"]",
         file_.merges.size());
  }
  [[noreturn]] void bad_vocab() const {
    fail(Category::kBadInput, where_, "model.vocab['{}']: expected an integer", file_.vocab.back().first);
  }

  [[noreturn]] void bad_score() const {
    fail(Category::kBadInput, where_, "model.vocab[{}]: expected [\"piece\", score]", file_.scores.size());
  }
  void one_vocab() const {
    if (file_.has_vocab || file_.has_scores) fail(Category::kBadInput, where_, "model.vocab stands twice");
  }

  void add_merge(std::string left, std::string right) {
    if (file_.merges.size() == kMaxEntries)
      fail(Category::kBadInput, where_, "model.merges has more than {} entries", kMaxEntries);
    file_.merges.emplace_back(std::move(left), std::move(right));
  }

  bool score(double v) {
    if (place_ != Place::kScored || filled_ != 1) bad_score();
    filled_ = 2;
    file_.scores.push_back(v);
    return true;
  }

  bool integer(std::int64_t id, Json number) {
    if (in_scores()) return score(number.get<double>());
    if (place_ != Place::kVocab) return value(std::move(number));
    file_.vocab.back().second = id;
    return true;
  }

  bool value(Json v) {
    if (in_merges()) bad_merge();
    if (in_scores()) bad_score();
    if (place_ == Place::kVocab) bad_vocab();
    put(std::move(v));
    return true;
  }

  Json& put(Json v) {
    if (stack_.empty()) return file_.root = std::move(v);
    if (stack_.back()->is_array()) return stack_.back()->emplace_back(std::move(v));
    return *slot_ = std::move(v);
  }

  bool open(Json v) {
    if (stack_.size() == kMaxJsonDepth) fail(Category::kBadInput, where_, "JSON nested deeper than {}", kMaxJsonDepth);
    stack_.push_back(&put(std::move(v)));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    stack_.pop_back();
    keys_.pop_back();
    return true;
  }

  TokenizerFile& file_;
  std::string_view where_;
  Place place_ = Place::kTree;
  std::vector<std::string> pair_;
  int filled_ = 0;                 // of a [piece, score] entry
  std::vector<Json*> stack_;       // open containers; a container's address is stable while it is open
  std::vector<std::string> keys_;  // the current key of each
  Json* slot_ = nullptr;           // where the value of the last key goes
};

}  // namespace

TokenizerFile parse_tokenizer_file(std::string_view text, std::string_view where) {
  TokenizerFile file;
  Reader reader(file, where);
  Json::sax_parse(text.begin(), text.end(), &reader);
  if (!file.root.is_object()) fail(Category::kBadInput, where, "expected a JSON object");
  return file;
}

}  // namespace firstlight::text
