// Three patterns: byte-level BPE's first one, and its successor with up to three or one digit a word. Each alternative
// of the pattern is a step below, in the pattern's order. All of a text is matched, so that matches are the words.
#include "firstlight/text/split_scanner.h"

#include <utf8proc.h>

#include <array>
#include <cstdint>

#include "firstlight/text/byte_level_parts.h"
#include "firstlight/text/unicode.h"
#include "firstlight/text/unicode_tables.h"

namespace firstlight::text {
namespace {

enum class CharClass : std::uint8_t { kOther, kLetter, kNumber, kSpace };

// Beyond this there are no letters, numbers or white space (Unicode 16).
constexpr char32_t kClassEnd = 0x32400;

std::vector<CharClass> make_classes() {
  std::vector<CharClass> classes(kClassEnd, CharClass::kOther);
  for (char32_t c = 0; c < kClassEnd; ++c) {
    const char* category = utf8proc_category_string(static_cast<utf8proc_int32_t>(c));
    if (category[0] == 'L') classes[c] = CharClass::kLetter;
    if (category[0] == 'N') classes[c] = CharClass::kNumber;
    if (is_whitespace(c)) classes[c] = CharClass::kSpace;
  }
  for (const CategoryRange& range : kYoung) {
    if (range.category.size() != 2 || (range.category[0] != 'L' && range.category[0] != 'N')) continue;
    for (char32_t c = range.first; c <= range.last && c < kClassEnd; ++c)
      classes[c] = range.category[0] == 'L' ? CharClass::kLetter : CharClass::kNumber;
  }
  return classes;
}

struct Seen {
  char32_t value;
  std::uint8_t bytes;
  CharClass kind;
};

class Scanner {
 public:
  Scanner(std::string_view text, std::vector<Range>& matches) : text_(text), matches_(matches) {}

  // 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  void first_pattern() {
    while (at_ < text_.size()) {
      const Seen c = see(at_);
      if (c.value == '\'')
        if (const std::size_t end = contraction<false>(at_)) {
          emit(end);
          continue;
        }
      if (c.kind != CharClass::kSpace) {
        emit(end_of_run(at_ + c.bytes, c.kind));
        continue;
      }
      if (c.value == ' ' && at_ + 1 < text_.size())
        if (const Seen next = see(at_ + 1); next.kind != CharClass::kSpace) {
          emit(end_of_run(at_ + 1 + next.bytes, next.kind));
          continue;
        }
      emit(end_of_space(at_, false));
    }
  }

  // (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,D}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+
  //   |\s+(?!\S)|\s+
  template <int kDigits>
  void second_pattern() {
    while (at_ < text_.size()) {
      const Seen c = see(at_);
      const std::size_t after = at_ + c.bytes;
      if (c.value == '\'')
        if (const std::size_t end = contraction<true>(at_)) {
          emit(end);
          continue;
        }
      if (c.kind == CharClass::kLetter) {
        emit(end_of_run(after, CharClass::kLetter));
        continue;
      }
      if (c.kind == CharClass::kNumber) {
        std::size_t end = after;
        for (int digits = 1; digits < kDigits && end < text_.size(); ++digits) {
          const Seen next = see(end);
          if (next.kind != CharClass::kNumber) break;
          end += next.bytes;
        }
        emit(end);
        continue;
      }
      if (c.value != '\r' && c.value != '\n' && after < text_.size()) {
        const Seen next = see(after);
        if (next.kind == CharClass::kLetter) {
          emit(end_of_run(after + next.bytes, CharClass::kLetter));
          continue;
        }
        if (c.value == ' ' && next.kind == CharClass::kOther) {
          emit(end_of_newlines(end_of_run(after + next.bytes, CharClass::kOther)));
          continue;
        }
      }
      if (c.kind == CharClass::kOther)
        emit(end_of_newlines(end_of_run(after, CharClass::kOther)));
      else
        emit(end_of_space(at_, true));
    }
  }

 private:
  Seen see(std::size_t offset) const {
    const auto byte = static_cast<std::uint8_t>(text_[offset]);
    if (byte < 0x80) return {byte, 1, kAscii[byte]};
    static const std::vector<CharClass> classes = make_classes();
    const CodePoint c = code_point_at(text_, offset);
    return {c.value, c.bytes, c.value < kClassEnd ? classes[c.value] : CharClass::kOther};
  }

  static constexpr std::array<CharClass, 128> kAscii = [] {
    std::array<CharClass, 128> kinds{};
    for (std::size_t c = 0; c < 128; ++c) {
      kinds[c] = CharClass::kOther;
      if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) kinds[c] = CharClass::kLetter;
      if (c >= '0' && c <= '9') kinds[c] = CharClass::kNumber;
      if (c == ' ' || (c >= 9 && c <= 13)) kinds[c] = CharClass::kSpace;
    }
    return kinds;
  }();

  void emit(std::size_t end) {
    matches_.push_back({at_, end});
    at_ = end;
  }

  std::size_t end_of_run(std::size_t from, CharClass kind) const {
    while (from < text_.size()) {
      const Seen c = see(from);
      if (c.kind != kind) break;
      from += c.bytes;
    }
    return from;
  }

  std::size_t end_of_newlines(std::size_t from) const {
    while (from < text_.size() && (text_[from] == '\r' || text_[from] == '\n')) ++from;
    return from;
  }

  // White space from `from` on: up to its last line break, if `by_lines` and there is one; otherwise all of it at the
  // end of the text, and all but the last character, which goes with the next word, before one.
  std::size_t end_of_space(std::size_t from, bool by_lines) const {
    std::size_t end = from, last = from, after_break = from;
    while (end < text_.size()) {
      const Seen c = see(end);
      if (c.kind != CharClass::kSpace) break;
      last = end;
      end += c.bytes;
      if (c.value == '\r' || c.value == '\n') after_break = end;
    }
    if (by_lines && after_break > from) return after_break;
    return end == text_.size() || last == from ? end : last;
  }

  // The end of 's, 't, 're, 've, 'm, 'll or 'd at `from`, or 0. Folded, the long s (U+017F) is an s too.
  template <bool kFolded>
  std::size_t contraction(std::size_t from) const {
    const auto letter = [&](std::size_t offset) -> char {
      if (offset >= text_.size()) return '\0';
      const char c = text_[offset];
      return kFolded && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    };
    const char first = letter(from + 1), second = letter(from + 2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return from + 2;
    if ((first == 'r' || first == 'v') && second == 'e') return from + 3;
    if (first == 'l' && second == 'l') return from + 3;
    if (kFolded && text_.substr(from + 1).starts_with("\u017F")) return from + 3;
    return 0;
  }

  std::string_view text_;
  std::vector<Range>& matches_;
  std::size_t at_ = 0;
};

}  // namespace

SplitScanner find_split_scanner(std::string_view pattern) {
  if (pattern == kFirstSplit)
    return [](std::string_view text, std::vector<Range>& matches) { Scanner(text, matches).first_pattern(); };
  if (pattern == kRanksSplit)
    return [](std::string_view text, std::vector<Range>& matches) { Scanner(text, matches).second_pattern<3>(); };
  if (pattern == kSingleDigitSplit)
    return [](std::string_view text, std::vector<Range>& matches) { Scanner(text, matches).second_pattern<1>(); };
  return nullptr;
}

}  // namespace firstlight::text
