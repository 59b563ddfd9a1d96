// What str methods and filters share.
#include "firstlight/text/jinja/builtins.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text::jinja {

bool is_space(char32_t c) { return is_whitespace(c) || (c >= 0x1C && c <= 0x1F); }

std::string strip(std::string_view text, const std::string* characters, bool left, bool right) {
  const auto strips = [&](std::size_t at, std::size_t bytes) {
    return characters == nullptr ? is_space(code_point_at(text, at).value)
                                 : characters->find(text.substr(at, bytes)) != std::string::npos;
  };
  while (left && !text.empty() && strips(0, code_point_at(text, 0).bytes))
    text.remove_prefix(code_point_at(text, 0).bytes);
  while (right && !text.empty()) {
    const std::size_t bytes = code_point_before(text, text.size()).bytes;
    if (!strips(text.size() - bytes, bytes)) break;
    text.remove_suffix(bytes);
  }
  return std::string(text);
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = code_point_at(text, i);
    std::size_t end = i + c.bytes;
    const bool ends = (c.value >= 0x0A && c.value <= 0x0D) || (c.value >= 0x1C && c.value <= 0x1E) || c.value == 0x85 ||
                      c.value == 0x2028 || c.value == 0x2029;
    if (ends) {
      lines.emplace_back(text.substr(begin, i - begin));
      if (c.value == '\r' && end < text.size() && text[end] == '\n') ++end;
      begin = end;
    }
    i = end;
  }
  if (begin < text.size()) lines.emplace_back(text.substr(begin));
  return lines;
}

std::string capitalize(const std::string& text) {
  if (text.empty()) return text;
  const CodePoint c = code_point_at(text, 0);
  return to_utf8(title_case(c.value)) + lower_case(std::string_view(text).substr(c.bytes));
}

std::string replace_all(Runtime& runtime, const std::string& text, const std::string& from, const std::string& to,
                        std::int64_t count) {
  runtime.charge(text.size() / 4);
  std::string out;
  std::size_t begin = 0;
  if (from.empty()) {  // between all characters, and at both ends
    for (std::size_t i = 0; count != 0; --count) {
      runtime.charge(1 + to.size() / 4);
      out += to;
      if (i >= text.size()) break;
      const std::size_t bytes = code_point_at(text, i).bytes;
      out += text.substr(i, bytes);
      begin = i += bytes;
    }
    return out + text.substr(begin);
  }
  for (; count != 0; --count) {
    const std::size_t at = text.find(from, begin);
    if (at == std::string::npos) break;
    runtime.charge(1 + to.size() / 4);
    out.append(text, begin, at - begin).append(to);
    begin = at + from.size();
  }
  return out + text.substr(begin);
}

}  // namespace firstlight::text::jinja
