// Filters on text that lay it out or measure it: center, truncate, wordcount, wordwrap, striptags, urlencode, ...
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "firstlight/text/jinja/builtins.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text::jinja {
namespace {

using TextFilter = Value (*)(Runtime&, const Value&, const Arguments&);
struct TextEntry {
  std::string_view name;
  TextFilter filter;
};

constexpr std::int64_t kMaxTextWidth = 1 << 20;

std::int64_t width_of(Runtime& r, const Bound& bound, std::size_t index, std::int64_t otherwise) {
  const std::int64_t width = bound.integer(index, otherwise);
  if (width > kMaxTextWidth) r.error(fmt::format("a width of {}; at most {}", width, kMaxTextWidth));
  return width;
}

std::size_t byte_of(std::string_view text, std::int64_t characters) {
  std::size_t at = 0;
  for (; characters > 0 && at < text.size(); --characters) at += code_point_at(text, at).bytes;
  return at;
}

// str.center: of an odd rest the greater part goes left when the width is odd, else right.
Value center(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "center", arguments, {"width"});
  const std::int64_t width = width_of(r, bound, 0, 80);
  const std::string text = to_text(r, value);
  const std::int64_t rest = width - static_cast<std::int64_t>(count_code_points(text));
  if (rest <= 0) return r.text(text, value.is_markup());
  const std::int64_t left = rest / 2 + (rest & width & 1);
  return r.text(
      std::string(static_cast<std::size_t>(left), ' ') + text + std::string(static_cast<std::size_t>(rest - left), ' '),
      value.is_markup());
}

Value word_count(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "wordcount", arguments, {});
  const std::string text = to_text(r, value);
  r.charge(text.size() / 4);
  std::int64_t count = 0;
  bool inside = false;
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = code_point_at(text, i);
    const bool word = is_word(c.value);  // the words of \w+
    count += word && !inside;
    inside = word;
    i += c.bytes;
  }
  return count;
}

Value truncate(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "truncate", arguments, {"length", "killwords", "end", "leeway"});
  const std::int64_t length = bound.integer(0, 255);
  const std::string end = bound.text(2, "...");
  const Value* given = bound.find(3);
  const std::int64_t leeway = given == nullptr || given->is_none() ? 5 : bound.integer(3, 5);
  const auto end_length = static_cast<std::int64_t>(count_code_points(end));
  if (length < end_length) r.error(fmt::format("truncate: expected length >= {}, got {}", end_length, length));
  if (leeway < 0) r.error("truncate: expected leeway >= 0");
  const std::string text = to_text(r, value);
  if (static_cast<std::int64_t>(count_code_points(text)) <= std::min(length, kMaxTextWidth) + leeway ||
      length > kMaxTextWidth)
    return value.is_text() ? value : r.text(text);
  std::string kept = text.substr(0, byte_of(text, length - end_length));
  if (!bound.boolean(1, false)) kept = kept.substr(0, kept.rfind(' '));  // whole words, if there is a space
  return r.text(kept + end, value.is_markup());
}

// Tags and comments go, runs of white space become one space, entities their characters.
Value strip_tags(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "striptags", arguments, {});
  std::string text = to_text(r, value);
  r.charge(text.size());
  for (std::size_t begin; (begin = text.find("<!--")) != std::string::npos;) {
    const std::size_t end = text.find("-->", begin);
    if (end == std::string::npos) break;
    text.erase(begin, end + 3 - begin);
    r.charge(text.size() / 4);
  }
  for (std::size_t begin = 0; (begin = text.find('<', begin)) != std::string::npos;) {
    const std::size_t end = text.find('>', begin);
    if (end == std::string::npos) break;
    text.erase(begin, end + 1 - begin);
    r.charge(text.size() / 4);
  }
  std::string out;
  bool gap = false;
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = code_point_at(text, i);
    if (is_space(c.value)) {
      gap = !out.empty();
    } else {
      if (gap) out += ' ';
      gap = false;
      out.append(text, i, c.bytes);
    }
    i += c.bytes;
  }
  constexpr std::pair<std::string_view, std::string_view> kEntities[] = {
      {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#34;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}};
  std::string plain;
  for (std::size_t i = 0; i < out.size();) {
    const auto entity = std::find_if(std::begin(kEntities), std::end(kEntities), [&](const auto& e) {
      return std::string_view(out).substr(i).starts_with(e.first);
    });
    if (entity == std::end(kEntities)) {
      plain += out[i++];
      continue;
    }
    plain += entity->second;
    i += entity->first.size();
  }
  return r.text(plain);
}

std::string quoted(std::string_view text, bool keep_slash) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
                       c == '.' || c == '-' || c == '~' || (keep_slash && c == '/');
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// A text is quoted as a path; a dict or pairs as a query.
Value url_encode(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "urlencode", arguments, {});
  if (!value.is_list() && !value.is_dict()) {
    const std::string text = to_text(r, value);
    r.charge(text.size());
    return r.text(quoted(text, true));
  }
  std::vector<std::pair<Value, Value>> items;
  if (value.is_dict()) {
    items = value.dict().items;
  } else {
    for (const Value& entry : iterate(r, value)) {
      const std::vector<Value> pair = iterate(r, entry);
      if (pair.size() != 2) r.error("urlencode: pairs expected");
      items.emplace_back(pair[0], pair[1]);
    }
  }
  std::string out;
  const auto query = [&](const Value& part) {
    std::string text = quoted(to_text(r, part), false);
    return replace_all(r, text, "%20", "+", -1);
  };
  for (const auto& [key, item] : items) out += fmt::format("{}{}={}", out.empty() ? "" : "&", query(key), query(item));
  return r.text(out);
}

Value file_size(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "filesizeformat", arguments, {"binary"});
  const bool binary_units = bound.boolean(0, false);
  double bytes = 0;
  if (value.is_number())
    bytes = value.number();
  else if (!value.is_text() || !parse_float(value.text(), bytes))
    r.error("filesizeformat: a number expected");
  if (bytes == 1) return Value("1 Byte");
  const double base = binary_units ? 1024 : 1000;
  if (bytes < base) return r.text(fmt::format("{} Bytes", static_cast<std::int64_t>(bytes)));
  constexpr std::string_view kPrefixes = "kMGTPEZY";
  double unit = base;
  std::size_t i = 0;
  while (i + 1 < kPrefixes.size() && bytes >= unit * base) {
    unit *= base;
    ++i;
  }
  const std::string prefix = binary_units ? fmt::format("{}iB", static_cast<char>(i == 0 ? 'K' : kPrefixes[i]))
                                          : fmt::format("{}B", kPrefixes[i]);
  return r.text(fmt::format("{:.1f} {}", bytes / unit, prefix));
}

// x.xmlattr: key="value" for every item that is not None or undefined.
Value xml_attributes(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "xmlattr", arguments, {"autospace"});
  if (!value.is_dict()) r.error("xmlattr: a dict expected");
  std::string out;
  for (const auto& [key, item] : value.dict().items) {
    if (item.is_none() || item.is_undefined()) continue;
    const std::string name = to_text(r, key);
    if (name.find_first_of(" \t\n\r\f\v/>=") != std::string::npos)
      r.error(fmt::format("xmlattr: invalid character in attribute name '{}'", name));
    const auto escaped = [&](const Value& v) {
      const std::string text = to_text(r, v);
      return v.is_markup() ? text : escape_html(text);
    };
    out += fmt::format("{}{}=\"{}\"", out.empty() ? "" : " ", escaped(key), escaped(item));
  }
  return r.text(bound.boolean(0, true) && !out.empty() ? fmt::format(" {}", out) : out);
}

// Lines of at most `width` characters, broken at white space and after hyphens (textwrap.wrap of each line).
class Wrapper {
 public:
  Wrapper(std::int64_t width, bool break_long, bool break_hyphens)
      : width_(width), break_long_(break_long), break_hyphens_(break_hyphens) {}

  std::vector<std::string> wrap(const std::string& line) const {
    std::vector<std::string> chunks = split(line), lines;
    std::reverse(chunks.begin(), chunks.end());
    while (!chunks.empty()) {
      std::vector<std::string> current;
      std::int64_t length = 0;
      if (blank(chunks.back()) && !lines.empty()) chunks.pop_back();
      while (!chunks.empty() && length + size(chunks.back()) <= width_) {
        length += size(chunks.back());
        current.push_back(std::move(chunks.back()));
        chunks.pop_back();
      }
      if (!chunks.empty() && size(chunks.back()) > width_) long_chunk(chunks, current, length);
      if (!current.empty() && blank(current.back())) current.pop_back();
      if (current.empty()) continue;
      std::string joined;
      for (const std::string& chunk : current) joined += chunk;
      lines.push_back(std::move(joined));
    }
    return lines;
  }

 private:
  static std::int64_t size(const std::string& text) { return static_cast<std::int64_t>(count_code_points(text)); }
  static bool white(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  static bool blank(const std::string& text) { return std::all_of(text.begin(), text.end(), white); }

  std::vector<std::string> split(const std::string& line) const {
    std::vector<std::string> chunks;
    for (std::size_t i = 0; i < line.size();) {
      std::size_t end = i;
      while (end < line.size() && white(line[end]) == white(line[i])) ++end;
      chunks.push_back(line.substr(i, end - i));
      i = end;
    }
    return chunks;
  }

  void long_chunk(std::vector<std::string>& chunks, std::vector<std::string>& current, std::int64_t length) const {
    const std::int64_t room = std::max<std::int64_t>(width_ < 1 ? 1 : width_ - length, 0);
    if (break_long_) {
      std::size_t end = byte_of(chunks.back(), room);
      if (break_hyphens_ && size(chunks.back()) > room) {
        const std::size_t hyphen = std::string_view(chunks.back()).substr(0, end).rfind('-');
        const bool after_text =
            hyphen != std::string::npos && hyphen > 0 && chunks.back().find_first_not_of('-') < hyphen;
        if (after_text) end = hyphen + 1;
      }
      current.push_back(chunks.back().substr(0, end));
      chunks.back().erase(0, end);
    } else if (current.empty()) {
      current.push_back(std::move(chunks.back()));
      chunks.pop_back();
    }
  }

  std::int64_t width_;
  bool break_long_, break_hyphens_;
};

Value word_wrap(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "wordwrap", arguments, {"width", "break_long_words", "wrapstring", "break_on_hyphens"});
  const std::int64_t width = width_of(r, bound, 0, 79);
  const std::string text = to_text(r, value);
  if (width < 1) r.error("wordwrap: invalid width (must be > 0)");
  const bool hyphens = bound.boolean(3, true);
  // textwrap breaks compound words by a rule of many cases; here only what has none.
  if (hyphens && text.find('-') != std::string::npos)
    r.unsupported("wordwrap of text with hyphens, unless break_on_hyphens=False");
  const Value* given = bound.find(2);
  const std::string glue = given == nullptr || given->is_none() ? "\n" : bound.text(2, "\n");
  const Wrapper wrapper(width, bound.boolean(1, true), hyphens);
  std::string out;
  bool first = true;
  for (const std::string& line : split_lines(text)) {
    if (!first) out += glue;
    first = false;
    const std::vector<std::string> wrapped = wrapper.wrap(line);
    for (std::size_t i = 0; i < wrapped.size(); ++i) {
      r.charge(1 + (wrapped[i].size() + glue.size()) / 4);
      if (i > 0) out += glue;
      out += wrapped[i];
    }
  }
  return r.text(std::move(out), value.is_markup());
}

// pprint.pformat, of what fits into one line.
Value pretty(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "pprint", arguments, {});
  const std::string text = repr(r, value);
  if (count_code_points(text) > 80) r.unsupported("pprint of more than 80 characters");
  if (value.is_dict()) r.unsupported("pprint of a dict");  // it sorts the keys, at every depth
  return r.text(text);
}

constexpr TextEntry kTextFilters[] = {
    {"center", center},          {"wordcount", word_count}, {"truncate", truncate},
    {"striptags", strip_tags},   {"urlencode", url_encode}, {"filesizeformat", file_size},
    {"xmlattr", xml_attributes}, {"wordwrap", word_wrap},   {"pprint", pretty}};

}  // namespace

bool apply_text_filter(Runtime& runtime, std::string_view name, const Value& value, const Arguments& arguments,
                       Value& result) {
  for (const TextEntry& entry : kTextFilters) {
    if (entry.name != name) continue;
    result = entry.filter(runtime, value, arguments);
    return true;
  }
  return false;
}

bool is_text_filter(std::string_view name) {
  return std::any_of(std::begin(kTextFilters), std::end(kTextFilters),
                     [&](const TextEntry& entry) { return entry.name == name; });
}

}  // namespace firstlight::text::jinja
