// Methods of str, list and dict.
#include <fmt/format.h>

#include <algorithm>

#include "firstlight/text/jinja/builtins.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text::jinja {
namespace {

using Method = Value (*)(Runtime&, const Value& self, const Arguments&);
struct Entry {
  std::string_view name;
  Method method;
};

// ---- str ----
template <bool kLeft, bool kRight>
Value strip_method(Runtime& r, const Value& self, const Arguments& arguments) {
  const Bound bound(r, "strip", arguments, {"chars"});
  const Value* characters = bound.find(0);
  if (characters != nullptr && characters->is_none()) characters = nullptr;
  if (characters != nullptr) bound.text(0, "");
  return r.text(strip(self.text(), characters != nullptr ? &characters->text() : nullptr, kLeft, kRight),
                self.is_markup());
}

// One string or a tuple of them, at one end of the text.
template <bool kStart>
Value affix_method(Runtime& r, const Value& self, const Arguments& arguments) {
  const Bound bound(r, kStart ? "startswith" : "endswith", arguments, {"affix"});
  const Value& affix = bound.at(0);
  const auto matches = [&](const Value& candidate) {
    if (!candidate.is_text())
      r.error(fmt::format("{} must be a string or a tuple of strings", kStart ? "prefix" : "suffix"));
    return kStart ? self.text().starts_with(candidate.text()) : self.text().ends_with(candidate.text());
  };
  if (!affix.is_list()) return matches(affix);
  return std::any_of(affix.list().items.begin(), affix.list().items.end(), matches);
}

template <bool kPrefix>
Value remove_affix(Runtime& r, const Value& self, const Arguments& arguments) {
  const std::string affix = Bound(r, "remove", arguments, {"affix"}).text(0, "");
  const std::string& text = self.text();
  if (!(kPrefix ? text.starts_with(affix) : text.ends_with(affix))) return self;
  return r.text(kPrefix ? text.substr(affix.size()) : text.substr(0, text.size() - affix.size()));
}

std::vector<std::string> split_whitespace(const std::string& text, std::int64_t limit) {
  std::vector<std::string> parts;
  std::size_t i = 0;
  const auto skip = [&](bool space) {
    while (i < text.size() && is_space(code_point_at(text, i).value) == space) i += code_point_at(text, i).bytes;
  };
  for (skip(true); i < text.size(); skip(true)) {
    const std::size_t begin = i;
    if (limit >= 0 && static_cast<std::int64_t>(parts.size()) == limit) {
      parts.push_back(strip(std::string_view(text).substr(begin), nullptr, false, true));
      break;
    }
    skip(false);
    parts.push_back(text.substr(begin, i - begin));
  }
  return parts;
}

template <bool kFromRight>
Value split_method(Runtime& r, const Value& self, const Arguments& arguments) {
  const Bound bound(r, "split", arguments, {"sep", "maxsplit"});
  const std::int64_t limit = bound.integer(1, -1);
  const std::string& text = self.text();
  r.charge(text.size() / 4);
  std::vector<std::string> parts;
  if (bound.find(0) == nullptr || bound.find(0)->is_none()) {
    if (kFromRight && limit >= 0) r.unsupported("rsplit at whitespace with a limit");
    parts = split_whitespace(text, limit);
  } else {
    const std::string separator = bound.text(0, "");
    if (separator.empty()) r.error("empty separator");
    const auto more = [&] { return limit < 0 || static_cast<std::int64_t>(parts.size()) < limit; };
    if (kFromRight) {
      std::size_t end = text.size();
      while (more() && end >= separator.size()) {
        const std::size_t at = text.rfind(separator, end - separator.size());
        if (at == std::string::npos) break;
        parts.push_back(text.substr(at + separator.size(), end - at - separator.size()));
        end = at;
      }
      parts.push_back(text.substr(0, end));
      std::reverse(parts.begin(), parts.end());
    } else {
      std::size_t begin = 0;
      while (more()) {
        const std::size_t at = text.find(separator, begin);
        if (at == std::string::npos) break;
        parts.push_back(text.substr(begin, at - begin));
        begin = at + separator.size();
      }
      parts.push_back(text.substr(begin));
    }
  }
  std::vector<Value> items;
  for (std::string& part : parts) items.push_back(r.text(std::move(part)));
  return r.list(std::move(items));
}

template <bool kFromRight>
Value partition(Runtime& r, const Value& self, const Arguments& arguments) {
  const std::string separator = Bound(r, "partition", arguments, {"sep"}).text(0, "");
  if (separator.empty()) r.error("empty separator");
  const std::string& text = self.text();
  const std::size_t at = kFromRight ? text.rfind(separator) : text.find(separator);
  std::vector<Value> parts;
  if (at == std::string::npos)
    parts = kFromRight ? std::vector<Value>{"", "", self} : std::vector<Value>{self, "", ""};
  else
    parts = {r.text(text.substr(0, at)), r.text(separator), r.text(text.substr(at + separator.size()))};
  return r.list(std::move(parts), ListKind::kTuple);
}

template <bool kFromRight, bool kMust>
Value find_method(Runtime& r, const Value& self, const Arguments& arguments) {
  const Bound bound(r, "find", arguments, {"sub", "start", "end"});
  if (bound.find(1) != nullptr || bound.find(2) != nullptr) r.unsupported("find() and index() with bounds");
  const std::string sub = bound.text(0, "");
  r.charge(self.text().size() / 16);
  const std::size_t at = kFromRight ? self.text().rfind(sub) : self.text().find(sub);
  if (at != std::string::npos)
    return static_cast<std::int64_t>(count_code_points(std::string_view(self.text()).substr(0, at)));
  if (kMust) r.error("substring not found");
  return std::int64_t{-1};
}

Value count_method(Runtime& r, const Value& self, const Arguments& arguments) {
  const Bound bound(r, "count", arguments, {"value"});
  std::int64_t count = 0;
  if (self.is_list()) {
    for (const Value& item : self.list().items) count += equal(r, item, bound.at(0)) ? 1 : 0;
    return count;
  }
  const std::string sub = bound.text(0, "");
  if (sub.empty()) return static_cast<std::int64_t>(count_code_points(self.text()) + 1);
  r.charge(self.text().size() / 8);
  for (std::size_t at = self.text().find(sub); at != std::string::npos; at = self.text().find(sub, at + sub.size()))
    ++count;
  return count;
}

Value replace_method(Runtime& r, const Value& self, const Arguments& arguments) {
  const Bound bound(r, "replace", arguments, {"old", "new", "count"});
  bound.at(0);
  bound.at(1);
  return r.text(replace_all(r, self.text(), bound.text(0, ""), bound.text(1, ""), bound.integer(2, -1)),
                self.is_markup());
}

Value join_method(Runtime& r, const Value& self, const Arguments& arguments) {
  const Bound bound(r, "join", arguments, {"iterable"});
  std::string out;
  bool first = true;
  for (const Value& item : iterate(r, bound.at(0))) {
    if (!item.is_text()) r.error(fmt::format("sequence item: expected str instance, {} found", item.type_name()));
    r.charge((item.text().size() + self.text().size()) / 4);
    if (!first) out += self.text();
    first = false;
    out += item.text();
  }
  return r.text(std::move(out));
}

template <std::string (*kMap)(std::string_view)>
Value map_method(Runtime& r, const Value& self, const Arguments& arguments) {
  Bound(r, "str method", arguments, {});
  r.charge(self.text().size() / 4);
  return r.text(kMap(self.text()), self.is_markup());
}

// Each letter after a non-letter in title case, the others in lower case.
std::string title_words(std::string_view text) {
  std::string out;
  bool inside = false;
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = code_point_at(text, i);
    const bool cased = is_cased_letter(c.value);
    if (cased && !inside)
      append_utf8(out, title_case(c.value));
    else
      out += lower_case(text.substr(i, c.bytes));
    inside = cased;
    i += c.bytes;
  }
  return out;
}
std::string swap_case(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t bytes = code_point_at(text, i).bytes;
    const std::string_view c = text.substr(i, bytes);
    const std::string lower = lower_case(c);
    out += lower == c ? upper_case(c) : lower;
    i += bytes;
  }
  return out;
}
std::string capitalize_view(std::string_view text) { return capitalize(std::string(text)); }

// True for a text that is not empty and of which every code point satisfies the predicate.
template <bool (*kPredicate)(char32_t)>
Value all_method(Runtime& r, const Value& self, const Arguments& arguments) {
  Bound(r, "str method", arguments, {});
  const std::string& text = self.text();
  r.charge(text.size() / 4);
  for (std::size_t i = 0; i < text.size(); i += code_point_at(text, i).bytes)
    if (!kPredicate(code_point_at(text, i).value)) return false;
  return !text.empty();
}
bool is_letter(char32_t c) { return is_word(c) && !is_numeric(c) && !is_mark(c) && c != '_' && !is_punctuation(c); }
bool is_letter_or_number(char32_t c) { return is_letter(c) || is_numeric(c); }
template <bool kUpper>
Value case_method(Runtime& r, const Value& self, const Arguments& arguments) {
  Bound(r, "str method", arguments, {});
  const std::string upper = upper_case(self.text()), lower = lower_case(self.text());
  return upper != lower && self.text() == (kUpper ? upper : lower);
}

Value lines_method(Runtime& r, const Value& self, const Arguments& arguments) {
  const Bound bound(r, "splitlines", arguments, {"keepends"});
  if (bound.boolean(0, false)) r.unsupported("splitlines(keepends=True)");
  std::vector<Value> lines;
  for (std::string& line : split_lines(self.text())) lines.push_back(r.text(std::move(line)));
  return r.list(std::move(lines));
}

template <int kSide>  // -1: text left, 0: centred, 1: text right
Value justify_method(Runtime& r, const Value& self, const Arguments& arguments) {
  const Bound bound(r, "justify", arguments, {"width", "fillchar"});
  const std::string fill = bound.text(1, " ");
  const auto size = static_cast<std::int64_t>(count_code_points(self.text()));
  const std::int64_t missing = bound.integer(0, 0) - size;
  if (missing <= 0) return self;
  r.charge(static_cast<std::size_t>(missing));
  // Python gives the odd one of a centred text to the left when the width is odd.
  const std::int64_t left = kSide < 0 ? 0 : kSide > 0 ? missing : missing / 2 + (missing & (missing + size) & 1);
  std::string out;
  for (std::int64_t i = 0; i < left; ++i) out += fill;
  out += self.text();
  for (std::int64_t i = left; i < missing; ++i) out += fill;
  return r.text(std::move(out));
}

Value zfill_method(Runtime& r, const Value& self, const Arguments& arguments) {
  const std::int64_t missing =
      Bound(r, "zfill", arguments, {"width"}).integer(0, 0) - static_cast<std::int64_t>(count_code_points(self.text()));
  if (missing <= 0) return self;
  r.charge(static_cast<std::size_t>(missing));
  std::string text = self.text();
  const std::size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  return r.text(text.insert(sign, std::string(static_cast<std::size_t>(missing), '0')));
}

// ---- list, dict ----
Value index_method(Runtime& r, const Value& self, const Arguments& arguments) {
  const Bound bound(r, "index", arguments, {"value"});
  const auto& items = self.list().items;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (equal(r, items[i], bound.at(0))) return static_cast<std::int64_t>(i);
  r.error("the value is not in the list");
}
Value copy_method(Runtime& r, const Value& self, const Arguments& arguments) {
  Bound(r, "copy", arguments, {});
  return self;  // values do not change
}
Value items_method(Runtime& r, const Value& self, const Arguments& arguments) {
  Bound(r, "items", arguments, {});
  std::vector<Value> items;
  for (const auto& [key, value] : self.dict().items) items.push_back(r.list({key, value}, ListKind::kTuple));
  return r.list(std::move(items));
}
Value keys_method(Runtime& r, const Value& self, const Arguments& arguments) {
  Bound(r, "keys", arguments, {});
  return r.list(iterate(r, self));
}
Value values_method(Runtime& r, const Value& self, const Arguments& arguments) {
  Bound(r, "values", arguments, {});
  std::vector<Value> values;
  for (const auto& entry : self.dict().items) values.push_back(entry.second);
  return r.list(std::move(values));
}
Value get_method(Runtime& r, const Value& self, const Arguments& arguments) {
  const Bound bound(r, "get", arguments, {"key", "default"});
  if (const Value* found = find_key(r, self.dict(), bound.at(0))) return *found;
  return bound.find(1) != nullptr ? *bound.find(1) : Value();
}

constexpr Entry kText[] = {{"strip", strip_method<true, true>},
                           {"lstrip", strip_method<true, false>},
                           {"rstrip", strip_method<false, true>},
                           {"startswith", affix_method<true>},
                           {"endswith", affix_method<false>},
                           {"removeprefix", remove_affix<true>},
                           {"removesuffix", remove_affix<false>},
                           {"split", split_method<false>},
                           {"rsplit", split_method<true>},
                           {"partition", partition<false>},
                           {"rpartition", partition<true>},
                           {"splitlines", lines_method},
                           {"find", find_method<false, false>},
                           {"rfind", find_method<true, false>},
                           {"index", find_method<false, true>},
                           {"rindex", find_method<true, true>},
                           {"count", count_method},
                           {"replace", replace_method},
                           {"join", join_method},
                           {"lower", map_method<lower_case>},
                           {"casefold", map_method<lower_case>},
                           {"upper", map_method<upper_case>},
                           {"title", map_method<title_words>},
                           {"capitalize", map_method<capitalize_view>},
                           {"swapcase", map_method<swap_case>},
                           {"isspace", all_method<is_space>},
                           {"isdigit", all_method<is_numeric>},
                           {"isnumeric", all_method<is_numeric>},
                           {"isdecimal", all_method<is_numeric>},
                           {"isalpha", all_method<is_letter>},
                           {"isalnum", all_method<is_letter_or_number>},
                           {"isupper", case_method<true>},
                           {"islower", case_method<false>},
                           {"ljust", justify_method<-1>},
                           {"center", justify_method<0>},
                           {"rjust", justify_method<1>},
                           {"zfill", zfill_method}};
constexpr Entry kList[] = {{"index", index_method}, {"count", count_method}, {"copy", copy_method}};
constexpr Entry kDict[] = {{"items", items_method},
                           {"keys", keys_method},
                           {"values", values_method},
                           {"get", get_method},
                           {"copy", copy_method}};

class BoundMethod : public Object {
 public:
  BoundMethod(Value self, Method method) : self_(std::move(self)), method_(method) {}
  std::string_view type_name() const override { return "builtin_function_or_method"; }
  bool callable() const override { return true; }
  Value call(Runtime& runtime, Arguments& arguments) override { return method_(runtime, self_, arguments); }

 private:
  Value self_;
  Method method_;
};

}  // namespace

bool bind_method(Runtime& runtime, const Value& self, std::string_view name, Value& method) {
  const auto find = [&](const auto& table) {
    for (const Entry& entry : table) {
      if (entry.name != name) continue;
      method = Value(static_cast<Object*>(runtime.make<BoundMethod>(self, entry.method)));
      return true;
    }
    return false;
  };
  if (self.is_text()) return find(kText);
  if (self.is_dict()) return find(kDict);
  return self.is_list() && self.list().kind != ListKind::kGenerator && find(kList);
}

}  // namespace firstlight::text::jinja
