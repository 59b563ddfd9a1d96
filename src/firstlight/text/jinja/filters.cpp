// Filters on one value: "x | name". Those on sequences are in filters_lists.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "firstlight/text/jinja/builtins.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text::jinja {
namespace {

using Filter = Value (*)(Runtime&, const Value&, const Arguments&);
struct Entry {
  std::string_view name;
  Filter filter;
};

// soft_str: what is no text becomes text, and markup stays markup.
Value mapped(Runtime& r, const Value& value, std::string (*map)(std::string_view)) {
  const std::string text = to_text(r, value);
  r.charge(text.size() / 4);
  return r.text(map(text), value.is_markup());
}

Value upper(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "upper", arguments, {});
  return mapped(r, value, upper_case);
}
Value lower(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "lower", arguments, {});
  return mapped(r, value, lower_case);
}
Value capitalized(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "capitalize", arguments, {});
  return mapped(r, value, [](std::string_view text) { return capitalize(std::string(text)); });
}

// Words are parted by hyphens, white space and opening brackets; each gets a capital first letter.
Value title(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "title", arguments, {});
  return mapped(r, value, [](std::string_view text) {
    std::string out;
    bool at_start = true;
    for (std::size_t i = 0; i < text.size();) {
      const CodePoint c = code_point_at(text, i);
      const std::string_view character = text.substr(i, c.bytes);
      out += at_start ? upper_case(character) : lower_case(character);
      at_start = c.value == '-' || c.value == '(' || c.value == '{' || c.value == '[' || c.value == '<' ||
                 is_whitespace(c.value);
      i += c.bytes;
    }
    return out;
  });
}

Value trim(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "trim", arguments, {"chars"});
  const Value* characters = bound.find(0);
  if (characters != nullptr && characters->is_none()) characters = nullptr;
  if (characters != nullptr) bound.text(0, "");
  return r.text(strip(to_text(r, value), characters != nullptr ? &characters->text() : nullptr, true, true),
                value.is_markup());
}

Value default_value(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "default", arguments, {"default_value", "boolean"});
  if (!value.is_undefined() && !(bound.boolean(1, false) && !truth(value))) return value;
  return bound.find(0) != nullptr ? *bound.find(0) : Value("");
}

Value string(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "string", arguments, {});
  return value.is_text() ? value : r.text(to_text(r, value));
}
Value safe(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "safe", arguments, {});
  return r.text(to_text(r, value), true);
}
Value escape(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "escape", arguments, {});
  return value.is_markup() ? value : r.text(escape_html(to_text(r, value)), true);
}
Value force_escape(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "forceescape", arguments, {});
  return r.text(escape_html(to_text(r, value)), true);
}

Value replace(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "replace", arguments, {"old", "new", "count"});
  const Value* count = bound.find(2);
  const std::int64_t limit = count == nullptr || count->is_none() ? -1 : bound.integer(2, -1);
  return r.text(replace_all(r, to_text(r, value), to_text(r, bound.at(0)), to_text(r, bound.at(1)), limit),
                value.is_markup());
}

Value indent(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "indent", arguments, {"width", "first", "blank"});
  std::string indention(4, ' ');
  if (const Value* width = bound.find(0))
    indention =
        width->is_text()
            ? width->text()
            : std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(bound.integer(0, 4), 0, 4096)), ' ');
  const bool first = bound.boolean(1, false), blank = bound.boolean(2, false);
  if (!value.is_text()) r.error(fmt::format("indent of '{}'", value.type_name()));
  const std::vector<std::string> lines = split_lines(value.text() + "\n");
  std::string out = first ? indention : "";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    r.charge(1 + (lines[i].size() + indention.size()) / 4);
    if (i > 0) out += '\n';
    if (i > 0 && (blank || !lines[i].empty())) out += indention;
    out += lines[i];
  }
  return r.text(std::move(out), value.is_markup());
}

Value integer(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "int", arguments, {"default", "base"});
  const auto base = bound.integer(1, 10);
  if (base < 2 || base > 36) r.error("int: base must be from 2 to 36");
  return to_integer(r, value, bound.integer(0, 0), static_cast<int>(base));
}
Value real(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "float", arguments, {"default"});
  double parsed = 0;
  if (value.is_number()) return value.number();
  if (value.is_text() && parse_float(value.text(), parsed)) return parsed;
  return bound.find(0) != nullptr ? *bound.find(0) : Value(0.0);
}

Value absolute(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "abs", arguments, {});
  if (value.is_float()) return std::fabs(value.number());
  if (!value.is_integral()) r.error(fmt::format("bad operand type for abs(): '{}'", value.type_name()));
  return value.integer() < 0 ? negate(r, value) : Value(value.integer());
}

Value round(Runtime& r, const Value& value, const Arguments& arguments) {
  const Bound bound(r, "round", arguments, {"precision", "method"});
  const std::string method = bound.text(1, "common");
  const std::int64_t precision = bound.integer(0, 0);
  if (!value.is_number()) r.error(fmt::format("round of '{}'", value.type_name()));
  if (precision < -300 || precision > 300) r.error("round: precision out of range");
  if (method == "common") {
    if (value.is_integral() && precision >= 0) return Value(value.integer());
    if (precision < 0) r.unsupported("round with a negative precision");
    // Python rounds the exact binary value to the nearest, ties to even, as printing with that many digits does.
    double rounded = 0;
    parse_float(fmt::format("{:.{}f}", value.number(), precision), rounded);
    return rounded;
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  if (method == "ceil") return std::ceil(value.number() * scale) / scale;
  if (method == "floor") return std::floor(value.number() * scale) / scale;
  r.error("round: method must be common, ceil or floor");
}

Value count(Runtime& r, const Value& value, const Arguments& arguments) {
  Bound(r, "length", arguments, {});
  return static_cast<std::int64_t>(length(r, value));
}

Value attribute(Runtime& r, const Value& value, const Arguments& arguments) {
  const std::string name = Bound(r, "attr", arguments, {"name"}).text(0, "");
  return value.is_dict() && find_key(r, value.dict(), Value(name)) != nullptr && name != "items"
             ? Value::undefined(fmt::format("'dict object' has no attribute '{}'", name))
             : get_attribute(r, value, name);
}

Value format(Runtime& r, const Value& value, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty())
    r.error("format: positional and named arguments at once");
  Value values;
  if (arguments.named.empty()) {
    values = r.list(arguments.positional, ListKind::kTuple);
  } else {
    std::vector<std::pair<Value, Value>> items;
    for (const auto& [name, item] : arguments.named) items.emplace_back(Value(name), item);
    values = r.dict(std::move(items));
  }
  return r.text(percent_format(r, to_text(r, value), values));
}

constexpr Entry kFilters[] = {{"upper", upper},     {"lower", lower},   {"capitalize", capitalized},
                              {"title", title},     {"trim", trim},     {"default", default_value},
                              {"d", default_value}, {"string", string}, {"safe", safe},
                              {"escape", escape},   {"e", escape},      {"forceescape", force_escape},
                              {"replace", replace}, {"indent", indent}, {"int", integer},
                              {"float", real},      {"abs", absolute},  {"round", round},
                              {"length", count},    {"count", count},   {"attr", attribute},
                              {"format", format},   {"tojson", to_json}};

}  // namespace

// Python's int() and float() take white space around the number and single underscores between digits.
bool parse_float(std::string_view source, double& value) {
  std::string text = strip(source, nullptr, true, true);
  for (std::size_t i = 1; i + 1 < text.size(); ++i)
    if (text[i] == '_' && text[i - 1] >= '0' && text[i - 1] <= '9' && text[i + 1] >= '0' && text[i + 1] <= '9')
      text.erase(i, 1);
  std::string_view digits = text;
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (read.ptr != digits.data() + digits.size() || digits.empty()) return false;
  if (read.ec == std::errc::result_out_of_range)  // from_chars leaves the value alone; Python gives 0 or infinity
    value = std::strtod(text.c_str(), nullptr);
  else if (read.ec != std::errc())
    return false;
  return digits.find('(') == std::string_view::npos;  // "nan(...)" is C's
}

std::int64_t to_integer(Runtime& runtime, const Value& value, std::int64_t otherwise, int base) {
  if (value.is_integral()) return value.integer();
  double real = 0;
  if (value.is_float()) {
    real = value.number();
  } else if (value.is_text()) {
    std::string text = strip(value.text(), nullptr, true, true);
    for (std::size_t i = 1; i + 1 < text.size(); ++i)
      if (text[i] == '_' && text[i - 1] != '_' && text[i + 1] != '_') text.erase(i, 1);
    std::string_view digits = text;
    if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
    const std::string_view mark = digits.substr(0, 2);
    if ((base == 16 && (mark == "0x" || mark == "0X")) || (base == 8 && (mark == "0o" || mark == "0O")) ||
        (base == 2 && (mark == "0b" || mark == "0B")))
      digits.remove_prefix(2);
    std::int64_t integer = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), integer, base);
    if (read.ptr == digits.data() + digits.size() && !digits.empty()) {
      if (read.ec == std::errc()) return integer;
      runtime.error("an integer of more than 64 bits");
    }
    if (!parse_float(text, real)) return otherwise;
  } else {
    return otherwise;
  }
  if (!std::isfinite(real)) return otherwise;
  if (std::fabs(real) >= 0x1p63) runtime.error("an integer of more than 64 bits");
  return static_cast<std::int64_t>(real);
}

Value apply_filter(Runtime& runtime, std::string_view name, const Value& value, const Arguments& arguments) {
  runtime.charge(1);
  for (const Entry& entry : kFilters)
    if (entry.name == name) return entry.filter(runtime, value, arguments);
  Value result;
  if (apply_list_filter(runtime, name, value, arguments, result)) return result;
  if (apply_text_filter(runtime, name, value, arguments, result)) return result;
  runtime.unsupported(fmt::format("filter '{}'", name));
}

bool is_filter(std::string_view name) {
  const auto has_name = [&](const Entry& entry) { return entry.name == name; };
  return std::any_of(std::begin(kFilters), std::end(kFilters), has_name) || is_list_filter(name) ||
         is_text_filter(name);
}

}  // namespace firstlight::text::jinja
