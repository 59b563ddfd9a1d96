// Whitespace control lives here: text is trimmed as tags are met, so that the parser never sees it.
#include "firstlight/text/jinja/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "firstlight/base/error.h"
#include "firstlight/text/jinja/builtins.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text::jinja {
namespace {

// Line ends become \n, and one at the very end is dropped.
std::string normalize_newlines(std::string_view source) {
  std::string out;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
      out += '\n';
    } else {
      out += source[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

class Lexer {
 public:
  Lexer(std::string_view source, std::string_view where) : text_(normalize_newlines(source)), where_(where) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) root();
    push(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void bad(std::string_view message) const {
    fail(Category::kBadInput, fmt::format("{}: line {}", where_, line_), "{}", message);
  }
  bool looking_at(std::string_view what) const { return std::string_view(text_).substr(at_).starts_with(what); }
  void push(TokenKind kind, std::string text) { tokens_.push_back({kind, line_, std::move(text)}); }
  void advance(std::size_t bytes) {
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         text_.begin() + static_cast<std::ptrdiff_t>(at_ + bytes), '\n'));
    at_ += bytes;
  }
  void skip_whitespace() {
    while (at_ < text_.size()) {
      const CodePoint c = code_point_at(text_, at_);
      if (!is_space(c.value)) break;
      advance(c.bytes);
    }
  }

  // Text up to the next tag, then the tag.
  void root() {
    const std::size_t begin = at_;
    std::size_t tag = begin;
    for (;; ++tag) {
      tag = text_.find('{', tag);
      if (tag == std::string::npos || tag + 1 >= text_.size()) {
        tag = text_.size();
        break;
      }
      const char c = text_[tag + 1];
      if (c == '{' || c == '%' || c == '#') break;
    }
    std::string_view data = std::string_view(text_).substr(begin, tag - begin);
    if (tag == text_.size()) {
      if (!data.empty()) push(TokenKind::kData, std::string(data));
      advance(data.size());
      return;
    }
    const char kind = text_[tag + 1];
    const char sign = tag + 2 < text_.size() ? text_[tag + 2] : '\0';
    if (sign == '-') {
      while (!data.empty() && is_space(code_point_before(data, data.size()).value))
        data.remove_suffix(code_point_before(data, data.size()).bytes);
    } else if (sign != '+' && kind != '{') {  // lstrip_blocks: drop the indentation of a tag that begins its line
      const std::size_t line_begin = data.rfind('\n') + 1;  // npos + 1 = 0
      const std::string_view indent = data.substr(line_begin);
      if ((line_begin > 0 || line_starting_) && is_blank(indent)) data = data.substr(0, line_begin);
    }
    if (!data.empty()) push(TokenKind::kData, std::string(data));
    advance(tag - begin + 2 + (sign == '-' || sign == '+' ? 1 : 0));
    line_starting_ = false;
    if (kind == '#') return comment();
    if (kind == '%' && raw()) return;
    push(kind == '{' ? TokenKind::kVariableBegin : TokenKind::kBlockBegin, "");
    inside(kind == '{' ? "}}" : "%}");
  }

  static bool is_blank(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
      const CodePoint c = code_point_at(text, i);
      if (!is_space(c.value)) return false;
      i += c.bytes;
    }
    return true;
  }

  // At a tag's end, a sign in front of it included: passes it and what it trims. `trims` for tags that eat one newline.
  bool end_of(std::string_view end, bool trims) {
    const bool minus = looking_at("-"), plus = looking_at("+") && trims;
    if (!std::string_view(text_).substr(at_ + (minus || plus ? 1 : 0)).starts_with(end)) return false;
    advance(end.size() + (minus || plus ? 1 : 0));
    if (minus) {
      const std::size_t before = at_;
      skip_whitespace();
      line_starting_ = at_ > before && text_[at_ - 1] == '\n';
    } else if (!plus && trims && looking_at("\n")) {
      advance(1);
      line_starting_ = true;
    } else {
      line_starting_ = false;
    }
    return true;
  }

  void comment() {
    std::size_t end = text_.find("#}", at_);
    if (end == std::string::npos) bad("the comment is not closed");
    if (end > at_ && (text_[end - 1] == '-' || text_[end - 1] == '+')) --end;
    advance(end - at_);
    end_of("#}", true);
  }

  // {% raw %} ... {% endraw %}, the opening "{%" being passed already.
  bool raw() {
    const std::size_t begin = at_;
    const int line = line_;
    skip_whitespace();
    if (!looking_at("raw")) return rewind(begin, line);
    advance(3);
    skip_whitespace();
    if (!end_of("%}", false)) return rewind(begin, line);
    const std::size_t content = at_;
    for (std::size_t tag = text_.find("{%", at_); tag != std::string::npos; tag = text_.find("{%", tag + 2)) {
      std::size_t i = tag + 2;
      const bool minus = i < text_.size() && text_[i] == '-';
      const bool plus = i < text_.size() && text_[i] == '+';
      if (minus || plus) ++i;
      while (i < text_.size() && (text_[i] == ' ' || text_[i] == '\t' || text_[i] == '\n')) ++i;
      if (text_.compare(i, 6, "endraw") != 0) continue;
      i += 6;
      while (i < text_.size() && (text_[i] == ' ' || text_[i] == '\t' || text_[i] == '\n')) ++i;
      std::string_view data = std::string_view(text_).substr(content, tag - content);
      if (minus) {
        while (!data.empty() && is_space(code_point_before(data, data.size()).value))
          data.remove_suffix(code_point_before(data, data.size()).bytes);
      } else if (!plus) {
        const std::size_t line_begin = data.rfind('\n') + 1;
        if (line_begin > 0 && is_blank(data.substr(line_begin))) data = data.substr(0, line_begin);
      }
      if (!data.empty()) push(TokenKind::kData, std::string(data));
      advance(i - at_);
      if (!end_of("%}", true)) bad("'%}' expected after endraw");
      return true;
    }
    bad("raw without endraw");
  }
  bool rewind(std::size_t at, int line) {
    at_ = at;
    line_ = line;
    return false;
  }

  // The tokens of one tag, up to its end.
  void inside(std::string_view end) {
    std::string open;  // brackets that are open; a tag cannot end inside them
    for (;;) {
      if (open.empty() && end_of(end, end == "%}")) {
        push(end == "}}" ? TokenKind::kVariableEnd : TokenKind::kBlockEnd, "");
        return;
      }
      if (at_ >= text_.size()) bad(fmt::format("'{}' expected", end));
      const char c = text_[at_];
      const CodePoint point = code_point_at(text_, at_);
      if (is_space(point.value)) {
        skip_whitespace();
      } else if (c >= '0' && c <= '9') {
        number();
      } else if (c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                 (point.value >= 0x80 && is_word(point.value))) {
        std::size_t i = at_;
        while (i < text_.size() && is_word(code_point_at(text_, i).value)) i += code_point_at(text_, i).bytes;
        push(TokenKind::kName, text_.substr(at_, i - at_));
        advance(i - at_);
      } else if (c == '"' || c == '\'') {
        string(c);
      } else {
        op(open);
      }
    }
  }

  void op(std::string& open) {
    static constexpr std::string_view kOperators[] = {"==", "!=", ">=", "<=", "//", "**", "+", "-", "/",
                                                      "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                      ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
    for (const std::string_view name : kOperators) {
      if (!looking_at(name)) continue;
      const char c = name[0];
      if (c == '(' || c == '[' || c == '{') open += c == '(' ? ')' : c == '[' ? ']' : '}';
      if (c == ')' || c == ']' || c == '}') {
        if (open.empty() || open.back() != c) bad(fmt::format("unexpected '{}'", c));
        open.pop_back();
      }
      push(TokenKind::kOperator, std::string(name));
      advance(name.size());
      return;
    }
    bad(fmt::format("unexpected character '{}'", to_utf8(code_point_at(text_, at_).value)));
  }

  void number() {
    std::string digits;
    std::size_t i = at_;
    const auto take = [&](auto accepts) {
      while (i < text_.size() &&
             (accepts(text_[i]) || (text_[i] == '_' && i + 1 < text_.size() && accepts(text_[i + 1])))) {
        if (text_[i] != '_') digits += text_[i];
        ++i;
      }
    };
    const auto decimal = [](char c) { return c >= '0' && c <= '9'; };
    int base = 10;
    if (text_[i] == '0' && i + 1 < text_.size()) {
      const char mark = static_cast<char>(text_[i + 1] | 0x20);
      base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    }
    bool real = false;
    // In "x.0.1" the numbers after dots are indices.
    const bool after_dot =
        !tokens_.empty() && tokens_.back().kind == TokenKind::kOperator && tokens_.back().text == ".";
    if (base != 10) {
      i += 2;
      take([&](char c) {
        return base == 16 ? decimal(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') : c >= '0' && c < '0' + base;
      });
    } else {
      take(decimal);
      if (!after_dot && i + 1 < text_.size() && text_[i] == '.' && decimal(text_[i + 1])) {
        real = true;
        digits += text_[i++];
        take(decimal);
      }
      if (i < text_.size() && (text_[i] | 0x20) == 'e') {
        std::size_t exponent = i + 1;
        if (exponent < text_.size() && (text_[exponent] == '+' || text_[exponent] == '-')) ++exponent;
        if (exponent < text_.size() && decimal(text_[exponent])) {
          real = true;
          digits += 'e';
          if (text_[exponent - 1] == '-') digits += '-';
          i = exponent;
          take(decimal);
        }
      }
    }
    Token token{real ? TokenKind::kFloat : TokenKind::kInteger, line_, digits};
    const char* const end = digits.data() + digits.size();
    const auto read = real ? std::from_chars(digits.data(), end, token.number)
                           : std::from_chars(digits.data(), end, token.integer, base);
    if (real && read.ec == std::errc::result_out_of_range)
      token.number = std::strtod(digits.c_str(), nullptr);  // infinity or 0, as in Python
    else if (read.ec != std::errc() || read.ptr != end)
      bad(fmt::format("number '{}' is out of range", digits));
    tokens_.push_back(std::move(token));
    advance(i - at_);
  }

  char32_t hex(std::size_t& i, std::size_t count) {
    char32_t value = 0;
    for (std::size_t n = 0; n < count; ++n, ++i) {
      const char c = i < text_.size() ? text_[i] : '\0';
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) bad("hexadecimal digits expected in a string");
      value = value << 4 | static_cast<char32_t>(digit);
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) bad("a string names no code point");
    return value;
  }

  // Python's escapes; an unknown one keeps its backslash.
  void string(char quote) {
    std::string out;
    std::size_t i = at_ + 1;
    for (; i < text_.size() && text_[i] != quote;) {
      if (text_[i] != '\\') {
        out += text_[i++];
        continue;
      }
      if (i + 1 >= text_.size()) bad("the string is not closed");
      const char c = text_[i + 1];
      i += 2;
      switch (c) {
        case '\n':
          break;
        case '\\':
        case '\'':
        case '"':
          out += c;
          break;
        case 'a':
          out += '\a';
          break;
        case 'b':
          out += '\b';
          break;
        case 'f':
          out += '\f';
          break;
        case 'n':
          out += '\n';
          break;
        case 'r':
          out += '\r';
          break;
        case 't':
          out += '\t';
          break;
        case 'v':
          out += '\v';
          break;
        case 'x':
          append_utf8(out, hex(i, 2));
          break;
        case 'u':
          append_utf8(out, hex(i, 4));
          break;
        case 'U':
          append_utf8(out, hex(i, 8));
          break;
        case 'N':
          bad("\\N{...} in a string is not supported");
        default:
          if (c >= '0' && c <= '7') {
            char32_t value = static_cast<char32_t>(c - '0');
            for (int n = 0; n < 2 && i < text_.size() && text_[i] >= '0' && text_[i] <= '7'; ++n)
              value = value * 8 + static_cast<char32_t>(text_[i++] - '0');
            append_utf8(out, value);
          } else {
            out += '\\';
            out += c;
          }
      }
    }
    if (i >= text_.size()) bad("the string is not closed");
    push(TokenKind::kString, std::move(out));
    advance(i + 1 - at_);
  }

  std::string text_;
  std::string_view where_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;  // what follows begins a line of the source
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source, std::string_view where) { return Lexer(source, where).run(); }

}  // namespace firstlight::text::jinja
