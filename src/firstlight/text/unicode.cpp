// UTF-8 stepping, class look-ups in the generated tables, case and normal forms through utf8proc.
#include "firstlight/text/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "firstlight/base/error.h"
#include "firstlight/text/unicode_tables.h"

namespace firstlight::text {
namespace {

bool contains(std::span<const CodeRange> ranges, char32_t value) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), value,
                                      [](char32_t v, const CodeRange& range) { return v < range.first; });
  return after != ranges.begin() && value <= std::prev(after)->last;
}

std::uint8_t byte_at(std::string_view text, std::size_t offset) { return static_cast<std::uint8_t>(text[offset]); }

}  // namespace

CodePoint code_point_at(std::string_view text, std::size_t offset) {
  const std::uint32_t a = byte_at(text, offset);
  if (a < 0x80) return {a, 1};
  const std::uint32_t b = byte_at(text, offset + 1) & 0x3F;
  if (a < 0xE0) return {(a & 0x1F) << 6 | b, 2};
  const std::uint32_t c = byte_at(text, offset + 2) & 0x3F;
  if (a < 0xF0) return {(a & 0x0F) << 12 | b << 6 | c, 3};
  return {(a & 0x07) << 18 | b << 12 | c << 6 | (byte_at(text, offset + 3) & 0x3F), 4};
}

CodePoint code_point_before(std::string_view text, std::size_t offset) {
  std::size_t start = offset - 1;
  while ((byte_at(text, start) & 0xC0) == 0x80) --start;
  return code_point_at(text, start);
}

void append_utf8(std::string& text, char32_t value) {
  const auto push = [&](char32_t byte) { text.push_back(static_cast<char>(static_cast<std::uint8_t>(byte))); };
  if (value < 0x80) {
    push(value);
  } else if (value < 0x800) {
    push(0xC0 | value >> 6);
    push(0x80 | (value & 0x3F));
  } else if (value < 0x10000) {
    push(0xE0 | value >> 12);
    push(0x80 | (value >> 6 & 0x3F));
    push(0x80 | (value & 0x3F));
  } else {
    push(0xF0 | value >> 18);
    push(0x80 | (value >> 12 & 0x3F));
    push(0x80 | (value >> 6 & 0x3F));
    push(0x80 | (value & 0x3F));
  }
}

std::string to_utf8(char32_t value) {
  std::string text;
  append_utf8(text, value);
  return text;
}

std::size_t count_code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<std::uint8_t>(c) & 0xC0) != 0x80; }));
}

Utf8Step utf8_step(std::string_view text, std::size_t offset) {
  const std::uint8_t lead = byte_at(text, offset);
  if (lead < 0x80) return {true, false, 1};
  if (lead < 0xC2 || lead > 0xF4) return {false, false, 1};
  const std::size_t need = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte's range excludes overlong forms, surrogates and values above U+10FFFF (Unicode table 3-7).
  std::uint8_t low = 0x80, high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (std::size_t i = 1; i < need; ++i) {
    if (offset + i == text.size()) return {false, true, i};
    const std::uint8_t next = byte_at(text, offset + i);
    if (next < low || next > high) return {false, false, i};
    low = 0x80;
    high = 0xBF;
  }
  return {true, false, need};
}

bool is_valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    // Eight ASCII characters at a time.
    std::uint64_t eight = 0;
    if (i + 8 <= text.size()) {
      std::memcpy(&eight, text.data() + i, 8);
      if ((eight & 0x8080808080808080u) == 0) {
        i += 8;
        continue;
      }
    }
    const Utf8Step step = utf8_step(text, i);
    if (!step.valid) return false;
    i += step.bytes;
  }
  return true;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Step step = utf8_step(text, i);
    out += step.valid ? text.substr(i, step.bytes) : kReplacementUtf8;
    i += step.bytes;
  }
  return out;
}

bool is_whitespace(char32_t v) {
  return v == 0x20 || (v >= 0x09 && v <= 0x0D) || v == 0x85 || v == 0xA0 || v == 0x1680 ||
         (v >= 0x2000 && v <= 0x200A) || v == 0x2028 || v == 0x2029 || v == 0x202F || v == 0x205F || v == 0x3000;
}
bool is_word(char32_t value) { return contains(kWord, value); }
bool is_numeric(char32_t value) { return contains(kNumeric, value); }
bool is_punctuation(char32_t value) { return contains(kPunctuation, value); }
bool is_mark(char32_t value) { return contains(kMark, value); }
bool is_nonspacing_mark(char32_t value) { return contains(kNonspacingMark, value); }
bool is_bert_removed(char32_t value) { return contains(kBertRemoved, value); }

int script_of(char32_t value) {
  const auto after = std::upper_bound(kScript.begin(), kScript.end(), value,
                                      [](char32_t v, const ScriptRange& range) { return v < range.first; });
  if (after == kScript.begin() || value > std::prev(after)->last) return 0;
  return std::prev(after)->script;
}

std::size_t grapheme_end(std::string_view text, std::size_t offset) {
  // What utf8proc does not know to extend stands in for by a mark that it knows.
  const auto known = [](char32_t value) {
    return static_cast<utf8proc_int32_t>(value >= 0x300 && contains(kExtendYoung, value) ? 0x301 : value);
  };
  CodePoint c = code_point_at(text, offset);
  utf8proc_int32_t previous = known(c.value), state = 0;
  for (offset += c.bytes; offset < text.size(); offset += c.bytes) {
    c = code_point_at(text, offset);
    const utf8proc_int32_t next = known(c.value);
    if (utf8proc_grapheme_break_stateful(previous, next, &state)) break;
    previous = next;
  }
  return offset;
}

std::string lower_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = code_point_at(text, i);
    i += c.bytes;
    if (c.value < 0x80) {
      out.push_back(static_cast<char>(c.value >= 'A' && c.value <= 'Z' ? c.value + 32 : c.value));
    } else if (c.value == 0x130) {  // the one letter whose lower case is two code points
      out += "i\xCC\x87";
    } else {
      const auto pair = std::lower_bound(kLower.begin(), kLower.end(), c.value,
                                         [](const CodePair& p, char32_t v) { return p.from < v; });
      if (pair != kLower.end() && pair->from == c.value)
        append_utf8(out, pair->to);
      else
        append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c.value))));
    }
  }
  return out;
}

std::string upper_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = code_point_at(text, i);
    i += c.bytes;
    if (c.value == 0xDF)  // the common letter whose upper case is two
      out += "SS";
    else
      append_utf8(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c.value))));
  }
  return out;
}

char32_t title_case(char32_t value) {
  return static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(value)));
}

bool is_cased_letter(char32_t value) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(value));
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL || category == UTF8PROC_CATEGORY_LT;
}

std::string normal_form(std::string_view text, NormalForm form) {
  const bool compatibility = form == NormalForm::kNfkc || form == NormalForm::kNfkd;
  int options = UTF8PROC_STABLE;
  options |= form == NormalForm::kNfc || form == NormalForm::kNfkc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
  if (compatibility) options |= UTF8PROC_COMPAT;
  const std::span<const CodeRange> young = compatibility ? kTooYoungCompatibility : kTooYoung;

  std::string out;
  out.reserve(text.size());
  const auto flush = [&](std::size_t begin, std::size_t end) {
    if (begin == end) return;
    utf8proc_uint8_t* mapped = nullptr;
    const auto size =
        utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + begin),
                     static_cast<utf8proc_ssize_t>(end - begin), &mapped, static_cast<utf8proc_option_t>(options));
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
    if (size < 0) fail(Category::kResource, "", "normalising text: {}", utf8proc_errmsg(size));
    out.append(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size));
  };
  // Two kinds of places part the text into stretches that can be normalised alone: a code point that the tokenizer's
  // Unicode does not know, which decomposes to itself, has class 0 and composes with nothing; and an ASCII character
  // before another, which composes with neither neighbour. The latter makes most text free.
  const auto ascii = [&](std::size_t at) { return at >= text.size() || byte_at(text, at) < 0x80; };
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (ascii(i) && ascii(i + 1)) {
      flush(begin, i);
      begin = i;
      while (i < text.size() && ascii(i) && ascii(i + 1)) ++i;
      out.append(text.substr(begin, i - begin));
      begin = i;
      continue;
    }
    const CodePoint c = code_point_at(text, i);
    if (c.value >= 0x80 && contains(young, c.value)) {
      flush(begin, i);
      append_utf8(out, c.value);
      begin = i + c.bytes;
    }
    i += c.bytes;
  }
  flush(begin, text.size());
  return out;
}

}  // namespace firstlight::text
