// RWKV's world vocabulary and its model: at each place the longest piece, nothing else. Pieces are bytes, which need
// not be UTF-8; like those of byte-level BPE they are kept as characters.
#include <charconv>

#include "firstlight/base/error.h"
#include "firstlight/text/byte_level.h"
#include "firstlight/text/byte_trie.h"
#include "firstlight/text/lines.h"
#include "firstlight/text/tokenizer_parts.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

class LongestMatch : public Model {
 public:
  LongestMatch(std::vector<std::pair<std::string, std::int64_t>> entries, const std::string& where)
      : vocabulary_(std::move(entries), where), where_(where) {
    std::vector<ByteTrie::Entry> pieces;
    for (std::int32_t id = 0; id < vocabulary_.end(); ++id)
      if (const std::string* piece = vocabulary_.piece(id)) pieces.emplace_back(*piece, id);
    trie_ = ByteTrie(std::move(pieces));
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }

  void encode(std::string_view word, std::vector<std::int32_t>& ids) const override {
    for (std::size_t i = 0; i < word.size();) {
      const auto found = trie_.longest_at(word, i);
      if (!found) fail(Category::kBadInput, where_, "no piece for byte {} of the text", i);
      ids.push_back(found->value);
      i = found->range.end;
    }
  }

 private:
  Vocabulary vocabulary_;
  ByteTrie trie_;
  std::string where_;
};

[[noreturn]] void bad_literal(const std::string& where) {
  fail(Category::kBadInput, where, "expected an id, a Python string or bytes literal, and its length in bytes");
}

char32_t read_digits(std::string_view& rest, std::size_t count, int base, const std::string& where) {
  std::uint32_t value = 0;
  const char* last = rest.data() + std::min(count, rest.size());
  const auto [end, error] = std::from_chars(rest.data(), last, value, base);
  if (error != std::errc() || static_cast<std::size_t>(end - rest.data()) != count) bad_literal(where);
  rest.remove_prefix(count);
  return value;
}

// The bytes of 'text', "text", b'bytes' or b"bytes".
std::string read_literal(std::string_view rest, const std::string& where) {
  const bool is_bytes = rest.starts_with('b');
  if (is_bytes) rest.remove_prefix(1);
  if (rest.size() < 2 || (rest.front() != '\'' && rest.front() != '"') || rest.back() != rest.front())
    bad_literal(where);
  const char quote = rest.front();
  rest = rest.substr(1, rest.size() - 2);
  std::string out;
  const auto add = [&](char32_t value) {
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) bad_literal(where);
    is_bytes ? out.push_back(static_cast<char>(value)) : append_utf8(out, value);
  };
  while (!rest.empty()) {
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == quote) bad_literal(where);
    if (c != '\\') {
      out.push_back(c);
      continue;
    }
    if (rest.empty()) bad_literal(where);
    const char escape = rest.front();
    rest.remove_prefix(1);
    switch (escape) {
      case 'n':
        add('\n');
        break;
      case 'r':
        add('\r');
        break;
      case 't':
        add('\t');
        break;
      case 'a':
        add('\a');
        break;
      case 'b':
        add('\b');
        break;
      case 'f':
        add('\f');
        break;
      case 'v':
        add('\v');
        break;
      case '\\':
      case '\'':
      case '"':
        add(static_cast<char32_t>(escape));
        break;
      case 'x':
        add(read_digits(rest, 2, 16, where));
        break;
      case 'u':
        if (is_bytes) bad_literal(where);
        add(read_digits(rest, 4, 16, where));
        break;
      case 'U':
        if (is_bytes) bad_literal(where);
        add(read_digits(rest, 8, 16, where));
        break;
      default:
        bad_literal(where);
    }
  }
  if (!is_bytes && !is_valid_utf8(out)) bad_literal(where);
  return out;
}

template <typename Number>
Number read_number(std::string_view text, const std::string& where) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) bad_literal(where);
  return value;
}

}  // namespace

TokenizerParts read_rwkv_vocabulary(std::string_view text, const std::string& where) {
  std::vector<std::pair<std::string, std::int64_t>> entries;
  for_each_line(text, [&](std::size_t number, std::string_view line) {
    if (line.empty()) return;
    const std::string place = fmt::format("{}: line {}", where, number);
    const std::size_t first = line.find(' '), last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) bad_literal(place);
    const auto id = read_number<std::int64_t>(line.substr(0, first), place);
    const std::string bytes = read_literal(line.substr(first + 1, last - first - 1), place);
    if (bytes.empty() || read_number<std::size_t>(line.substr(last + 1), place) != bytes.size()) bad_literal(place);
    entries.emplace_back(bytes_to_characters(bytes), id);
  });
  if (entries.empty()) fail(Category::kBadInput, where, "no pieces");
  TokenizerParts parts;
  parts.model = std::make_unique<LongestMatch>(std::move(entries), where);
  parts.pre_tokenizer =
      make_pre_tokenizer({{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}, where);
  parts.decoder = make_decoder({{"type", "ByteLevel"}}, where);
  return parts;
}

}  // namespace firstlight::text
