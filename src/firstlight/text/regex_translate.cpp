// One pass over an Oniguruma pattern, writing PCRE2. Only constructs it knows pass.
#include <fmt/format.h>

#include "firstlight/base/error.h"
#include "firstlight/text/regex.h"
#include "firstlight/text/regex_classes.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

constexpr int kMaxGroupDepth = 100;
constexpr int kMaxClassDepth = 16;
constexpr int kMaxRepeatedQuantifiers = 32;
constexpr std::size_t kMaxTranslatedBytes = 1 << 20;

class Translator {
 public:
  Translator(std::string_view pattern, std::string_view where) : pattern_(pattern), where_(where) {}

  std::string translate() {
    if (!is_valid_utf8(pattern_)) fail(Category::kBadInput, where_, "regular expression is not UTF-8");
    groups_.push_back({0, 0});
    while (!at_end()) {
      step();
      if (out_.size() > kMaxTranslatedBytes) bad("too large");
    }
    if (groups_.size() != 1) bad("a group is not closed");
    close_options();
    return "(*LF)(*BSR_UNICODE)" + out_;
  }

 private:
  struct Group {
    std::size_t start;  // of the group in out_
    int options;        // "(?i)" stretches opened in it, which end with it
  };

  [[noreturn]] void bad(std::string_view what) const {
    fail(Category::kBadInput, where_, "regular expression '{}': {} (at byte {})", pattern_, what, at_);
  }
  [[noreturn]] void unsupported(std::string_view what) const {
    fail(Category::kUnsupported, where_, "regular expression '{}': {} (at byte {})", pattern_, what, at_);
  }

  bool at_end() const { return at_ == pattern_.size(); }
  bool looking_at(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }
  bool take(std::string_view text) {
    if (!looking_at(text)) return false;
    at_ += text.size();
    return true;
  }
  char32_t next() {
    if (at_end()) bad("it ends too early");
    const CodePoint c = code_point_at(pattern_, at_);
    at_ += c.bytes;
    return c.value;
  }

  void atom(std::string_view text) {
    atom_ = out_.size();
    quantified_ = false;
    out_ += text;
  }
  void literal(char32_t value) {
    CharacterSet one;
    one.add(value);
    atom(one.members);
  }
  void zero_width(std::string_view text) { atom(text); }

  void step() {
    if (looking_at("{") && interval()) return;
    const char32_t c = next();
    switch (c) {
      case '\\':
        escape();
        break;
      case '[':
        atom(character_class(0).expression(false));
        break;
      case '(':
        open_group();
        break;
      case ')':
        close_group();
        break;
      case '|':
        out_ += '|';
        atom_ = std::string::npos;
        break;
      case '*':
      case '+':
      case '?':
        quantifier(std::string(1, static_cast<char>(c)));
        // On these a second sign makes the quantifier lazy or possessive; on {n,m} a '+' repeats it (Ruby syntax).
        if (take("?"))
          out_ += '?';
        else if (take("+"))
          out_ += '+';
        break;
      case '.':
        atom(".");
        break;
      case '^':
        zero_width("^");
        break;
      case '$':
        zero_width("$");
        break;
      default:
        literal(c);
    }
  }

  void quantifier(const std::string& text) {
    if (atom_ == std::string::npos || atom_ == out_.size()) bad("nothing to repeat");
    if (quantified_) {
      if (++repeated_ > kMaxRepeatedQuantifiers) bad("too many quantifiers on quantifiers");
      out_.insert(atom_, "(?:");
      out_ += ')';
    }
    out_ += text;
    quantified_ = true;
  }

  // {n} {n,} {,m} {n,m}; anything else in braces is literal text.
  bool interval() {
    std::size_t i = at_ + 1;
    const auto digits = [&] {
      const std::size_t begin = i;
      while (i < pattern_.size() && pattern_[i] >= '0' && pattern_[i] <= '9') ++i;
      return pattern_.substr(begin, i - begin);
    };
    const std::string_view low = digits();
    const bool comma = i < pattern_.size() && pattern_[i] == ',';
    if (comma) ++i;
    const std::string_view high = comma ? digits() : low;
    if (i >= pattern_.size() || pattern_[i] != '}' || (low.empty() && high.empty())) return false;
    if (low.size() > 5 || high.size() > 5) bad("a repeat count above 65535");
    at_ = i + 1;
    quantifier(comma ? fmt::format("{{{},{}}}", low.empty() ? "0" : low, high) : fmt::format("{{{}}}", low));
    if (comma && take("?")) out_ += '?';
    return true;
  }

  void open_group() {
    if (groups_.size() > kMaxGroupDepth) bad("groups nested too deep");
    const std::size_t start = out_.size();
    if (looking_at("*")) unsupported("callouts");
    if (!take("?")) {
      out_ += "(?:";
    } else if (take("#")) {
      while (next() != ')') continue;
      return;
    } else if (take(":")) {
      out_ += "(?:";
    } else if (take("=")) {
      out_ += "(?=";
    } else if (take("!")) {
      out_ += "(?!";
    } else if (take(">")) {
      out_ += "(?>";
    } else if (take("<=")) {
      out_ += "(?<=";
    } else if (take("<!")) {
      out_ += "(?<!";
    } else if (take("<")) {  // a name, which nothing can refer to
      while (next() != '>') continue;
      out_ += "(?:";
    } else if (!options()) {
      return;
    }
    groups_.push_back({start, 0});
    atom_ = std::string::npos;
  }

  // After "(?": flags, then ':' (true: a group follows) or ')' (the rest of the enclosing group).
  bool options() {
    std::string flags;
    for (;;) {
      const char32_t c = next();
      if (c == 'i' || c == '-') {
        flags += static_cast<char>(c);
      } else if (c == 'm') {
        flags += 's';  // Ruby's m is "dot matches newline"
      } else if (c == ':' || c == ')') {
        out_ += fmt::format("(?{}:", flags);
        if (c == ':') return true;
        ++groups_.back().options;
        atom_ = std::string::npos;
        return false;
      } else {
        unsupported(fmt::format("group option '{}'", to_utf8(c)));
      }
    }
  }

  void close_options() { out_.append(static_cast<std::size_t>(groups_.back().options), ')'); }

  void close_group() {
    if (groups_.size() == 1) bad("')' without '('");
    close_options();
    out_ += ')';
    atom_ = groups_.back().start;
    quantified_ = false;
    groups_.pop_back();
  }

  char32_t hex(std::size_t least, std::size_t most) {
    char32_t value = 0;
    std::size_t count = 0;
    for (; count < most && !at_end(); ++count, ++at_) {
      const char c = pattern_[at_];
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) break;
      value = value << 4 | static_cast<char32_t>(digit);
    }
    if (count < least) bad("hexadecimal digits expected");
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) bad("no such code point");
    return value;
  }

  // After a backslash: true when `letter` stands for one code point, which `value` gets.
  bool escaped_character(char32_t letter, char32_t& value) {
    switch (letter) {
      case 'n':
        value = '\n';
        return true;
      case 't':
        value = '\t';
        return true;
      case 'r':
        value = '\r';
        return true;
      case 'f':
        value = '\f';
        return true;
      case 'v':
        value = '\v';
        return true;
      case 'a':
        value = '\a';
        return true;
      case 'e':
        value = 0x1B;
        return true;
      case 'u':
        value = hex(4, 4);
        return true;
      case 'x':
        if (take("{")) {
          value = hex(1, 8);
          if (!take("}")) bad("'}' expected");
        } else {
          value = hex(1, 2);
          if (value >= 0x80) unsupported("\\x of a byte that is no character of its own; write \\x{...}");
        }
        return true;
      default:
        value = letter;
        return letter >= 0x80 || !((letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'Z') ||
                                   (letter >= 'a' && letter <= 'z'));
    }
  }

  // After a backslash: true when `letter` stands for a set, which is added to `set`.
  bool escaped_set(char32_t letter, CharacterSet& set, bool in_class) {
    const bool upper = letter >= 'A' && letter <= 'Z';
    const char lower = static_cast<char>(upper ? letter + 32 : letter);
    if (letter < 0x80 && std::string_view("sdwh").find(lower) != std::string_view::npos) {
      const CharacterSet named = class_of_escape(lower, in_class);
      upper ? set.add_complement(named) : set.add(named);
      return true;
    }
    if (letter != 'p' && letter != 'P') return false;
    bool negated = letter == 'P';
    if (!take("{")) unsupported("\\p without braces");
    if (take("^")) negated = !negated;
    const std::size_t close = pattern_.find('}', at_);
    if (close == std::string_view::npos) bad("'}' expected");
    const CharacterSet property = class_of_property(pattern_.substr(at_, close - at_), in_class, where_);
    at_ = close + 1;
    negated ? set.add_complement(property) : set.add(property);
    return true;
  }

  void escape() {
    const char32_t letter = next();
    char32_t value = 0;
    CharacterSet set;
    if (letter == 'A' || letter == 'Z' || letter == 'z')
      return zero_width(fmt::format("\\{}", static_cast<char>(letter)));
    if (letter == 'R') return atom("\\R");
    if (letter == 'b' || letter == 'B') {
      const std::string word = class_of_escape('w', false).expression(false);
      return zero_width(letter == 'b' ? fmt::format("(?:(?<={0})(?!{0})|(?<!{0})(?={0}))", word)
                                      : fmt::format("(?:(?<={0})(?={0})|(?<!{0})(?!{0}))", word));
    }
    if (escaped_set(letter, set, false)) return atom(set.expression(false));
    if (escaped_character(letter, value)) return literal(value);
    unsupported(fmt::format("escape '\\{}'", to_utf8(letter)));
  }

  // After '[': the set up to the matching ']'.
  CharacterSet character_class(int depth) {
    if (depth > kMaxClassDepth) bad("character classes nested too deep");
    const bool negated = take("^");
    std::vector<CharacterSet> operands(1);  // joined by &&
    bool first = true;
    for (;; first = false) {
      if (at_end()) bad("']' expected");
      if (take("&&")) {
        operands.emplace_back();
        continue;
      }
      if (!first && take("]")) break;
      CharacterSet& set = operands.back();
      if (looking_at("[:") && posix_class(set)) continue;
      if (take("[")) {
        set.add(character_class(depth + 1));
        continue;
      }
      char32_t low = next();
      if (low == '\\') {
        const char32_t letter = next();
        if (escaped_set(letter, set, true)) continue;
        if (letter == 'b')
          low = '\b';
        else if (!escaped_character(letter, low))
          unsupported(fmt::format("escape '\\{}' in a class", to_utf8(letter)));
      }
      char32_t high = low;
      if (looking_at("-") && !looking_at("-]")) {
        const std::size_t before = at_;
        take("-");
        high = next();
        if (high == '[') {  // "a-[b]": the minus is text
          at_ = before;
          high = low;
        } else if (high == '\\') {
          const char32_t letter = next();
          if (!escaped_character(letter, high)) bad("a range that does not end in a character");
        }
        if (high < low) bad("a range whose end is before its beginning");
      }
      set.add(low, high);
    }
    CharacterSet result = std::move(operands.back());
    if (operands.size() > 1) {
      std::string both = "(?:";
      for (std::size_t i = 0; i + 1 < operands.size(); ++i) both += "(?=" + operands[i].expression(false) + ")";
      result = {"", {both + result.expression(false) + ")"}};
    }
    if (!negated) return result;
    CharacterSet complement;
    complement.add_complement(result);
    return complement;
  }

  bool posix_class(CharacterSet& set) {
    const std::size_t close = pattern_.find(":]", at_ + 2);
    if (close == std::string_view::npos) return false;
    std::string_view name = pattern_.substr(at_ + 2, close - at_ - 2);
    const bool negated = name.starts_with('^');
    if (negated) name.remove_prefix(1);
    for (const char c : name)
      if (c < 'a' || c > 'z') return false;
    at_ = close + 2;
    // [:punct:] takes in symbols, \p{punct} does not.
    const CharacterSet named = class_of_property(name == "punct" ? "punctandsymbol" : name, true, where_);
    negated ? set.add_complement(named) : set.add(named);
    return true;
  }

  std::string_view pattern_;
  std::string_view where_;
  std::size_t at_ = 0;
  std::string out_;
  std::size_t atom_ = std::string::npos;  // where the last atom starts in out_
  bool quantified_ = false;               // that atom has a quantifier
  int repeated_ = 0;
  std::vector<Group> groups_;
};

}  // namespace

std::string translate_regex(std::string_view pattern, std::string_view where) {
  return Translator(pattern, where).translate();
}

}  // namespace firstlight::text
