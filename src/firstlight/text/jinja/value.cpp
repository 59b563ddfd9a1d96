// Truth, equality, order, text and iteration of values, after Python.
#include "firstlight/text/jinja/value.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "firstlight/base/error.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text::jinja {
namespace {

constexpr int kMaxDepth = 128;
constexpr std::size_t kMaxTextBytes = std::size_t{32} << 20;

int depth_of(const Value& value) {
  if (value.is_list()) return value.list().depth;
  return value.is_dict() ? value.dict().depth : 0;
}

bool is_printable(char32_t value) {
  if (value < 0x80) return value >= 0x20 && value != 0x7F;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(value))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

std::string repr_text(const std::string& text) {
  const char quote = text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
  std::string out(1, quote);
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = code_point_at(text, i);
    i += c.bytes;
    const auto value = static_cast<std::uint32_t>(c.value);
    if (c.value == static_cast<char32_t>(quote) || c.value == '\\') {
      out += '\\';
      append_utf8(out, c.value);
    } else if (c.value == '\n') {
      out += "\\n";
    } else if (c.value == '\r') {
      out += "\\r";
    } else if (c.value == '\t') {
      out += "\\t";
    } else if (is_printable(c.value)) {
      append_utf8(out, c.value);
    } else if (value < 0x100) {
      out += fmt::format("\\x{:02x}", value);
    } else {
      out += value < 0x10000 ? fmt::format("\\u{:04x}", value) : fmt::format("\\U{:08x}", value);
    }
  }
  return out += quote;
}

}  // namespace

Value Object::call(Runtime& runtime, Arguments&) { runtime.error(fmt::format("'{}' is not callable", type_name())); }

std::string_view Value::type_name() const {
  if (is_undefined()) return "Undefined";
  if (is_none()) return "NoneType";
  if (is_bool()) return "bool";
  if (is_int()) return "int";
  if (is_float()) return "float";
  if (is_text()) return is_markup() ? "Markup" : "str";
  if (is_dict()) return "dict";
  if (Object* found = object()) return found->type_name();
  switch (list().kind) {
    case ListKind::kTuple:
      return "tuple";
    case ListKind::kGenerator:
      return "generator";
    default:
      return "list";
  }
}

void Runtime::error(std::string_view message) const {
  fail(Category::kBadInput, fmt::format("{}: line {}", where_, line), "{}", message);
}
void Runtime::unsupported(std::string_view message) const {
  fail(Category::kUnsupported, fmt::format("{}: line {}", where_, line), "{}", message);
}

void Runtime::charge(std::size_t units) {
  budget_ -= static_cast<std::int64_t>(std::min<std::size_t>(units, std::size_t{1} << 40));
  if (budget_ < 0)
    fail(Category::kResource, fmt::format("{}: line {}", where_, line), "the template does too much work");
}

Value Runtime::list(std::vector<Value> items, ListKind kind) {
  charge(1 + items.size());
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, depth_of(item));
  if (depth >= kMaxDepth) error("lists nested too deep");
  return Value(std::make_shared<const ListData>(ListData{std::move(items), kind, depth + 1}));
}

Value Runtime::dict(std::vector<std::pair<Value, Value>> items) {
  charge(1 + 2 * items.size());
  int depth = 0;
  for (const auto& [key, value] : items) depth = std::max({depth, depth_of(key), depth_of(value)});
  if (depth >= kMaxDepth) error("dicts nested too deep");
  return Value(std::make_shared<const DictData>(DictData{std::move(items), depth + 1}));
}

Value Runtime::text(std::string text, bool markup) {
  charge(1 + text.size() / 4);
  if (text.size() > kMaxTextBytes) error("text too long");
  return Value(std::move(text), markup);
}

bool truth(const Value& value) {
  if (value.is_undefined() || value.is_none()) return false;
  if (value.is_float()) return value.number() != 0;
  if (value.is_integral()) return value.integer() != 0;
  if (value.is_text()) return !value.text().empty();
  if (value.is_list()) return value.list().kind == ListKind::kGenerator || !value.list().items.empty();
  if (value.is_dict()) return !value.dict().items.empty();
  return true;
}

bool equal(Runtime& runtime, const Value& a, const Value& b) {
  runtime.charge(1);
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return a.integer() == b.integer();
    return a.number() == b.number();
  }
  if (a.is_text() && b.is_text()) {
    runtime.charge(std::min(a.text().size(), b.text().size()) / 16);
    return a.text() == b.text();
  }
  if (a.is_list() && b.is_list()) {
    const ListData &x = a.list(), &y = b.list();
    if (&x == &y) return true;
    if (x.kind != y.kind || x.kind == ListKind::kGenerator || x.items.size() != y.items.size()) return false;
    for (std::size_t i = 0; i < x.items.size(); ++i)
      if (!equal(runtime, x.items[i], y.items[i])) return false;
    return true;
  }
  if (a.is_dict() && b.is_dict()) {
    if (a.dict().items.size() != b.dict().items.size()) return false;
    for (const auto& [key, value] : a.dict().items) {
      const Value* other = find_key(runtime, b.dict(), key);
      if (other == nullptr || !equal(runtime, value, *other)) return false;
    }
    return true;
  }
  if (a.object() != nullptr) return a.object() == b.object();
  return (a.is_none() && b.is_none()) || (a.is_undefined() && b.is_undefined());
}

int compare(Runtime& runtime, const Value& a, const Value& b) {
  runtime.charge(1);
  if (a.is_undefined()) runtime.error(a.undefined_what());
  if (b.is_undefined()) runtime.error(b.undefined_what());
  if (a.is_number() && b.is_number()) {
    if (a.is_integral() && b.is_integral()) return a.integer() < b.integer() ? -1 : a.integer() > b.integer();
    return a.number() < b.number() ? -1 : a.number() > b.number();
  }
  if (a.is_text() && b.is_text()) {  // UTF-8 sorts as its code points do
    runtime.charge(std::min(a.text().size(), b.text().size()) / 16);
    const int order = a.text().compare(b.text());
    return order < 0 ? -1 : order > 0;
  }
  if (a.is_list() && b.is_list() && a.list().kind == b.list().kind) {
    const auto &x = a.list().items, &y = b.list().items;
    for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i)
      if (!equal(runtime, x[i], y[i])) return compare(runtime, x[i], y[i]);
    return x.size() < y.size() ? -1 : x.size() > y.size();
  }
  runtime.error(fmt::format("no order between '{}' and '{}'", a.type_name(), b.type_name()));
}

std::string repr_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  // Python writes the shortest digits that read back, with an exponent outside of 1e-4 <= |value| < 1e16.
  char buffer[64];
  const double size = std::fabs(value);
  const bool fixed = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value,
                                 fixed ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(buffer, end.ptr);
  if (fixed && text.find('.') == std::string::npos) text += ".0";
  return text;
}

namespace {

void append_repr(Runtime& runtime, const Value& value, std::string& out) {
  runtime.charge(1);
  const auto charged = [&](std::string text) {
    runtime.charge(text.size() / 4);
    out += text;
  };
  if (value.is_text())
    return charged(value.is_markup() ? "Markup(" + repr_text(value.text()) + ")" : repr_text(value.text()));
  if (value.is_list()) {
    const ListData& list = value.list();
    if (list.kind == ListKind::kGenerator) return charged("<generator>");
    const bool tuple = list.kind == ListKind::kTuple;
    out += tuple ? '(' : '[';
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out += ", ";
      append_repr(runtime, list.items[i], out);
    }
    if (tuple && list.items.size() == 1) out += ',';
    out += tuple ? ')' : ']';
    return;
  }
  if (value.is_dict()) {
    out += '{';
    bool first = true;
    for (const auto& [key, item] : value.dict().items) {
      if (!first) out += ", ";
      first = false;
      append_repr(runtime, key, out);
      out += ": ";
      append_repr(runtime, item, out);
    }
    out += '}';
    return;
  }
  if (value.is_undefined())
    out += "Undefined";
  else if (value.is_none())
    out += "None";
  else if (value.is_bool())
    out += value.integer() != 0 ? "True" : "False";
  else if (value.is_int())
    out += std::to_string(value.integer());
  else if (value.is_float())
    out += repr_float(value.number());
  else
    out += fmt::format("<{}>", value.type_name());
}

}  // namespace

std::string repr(Runtime& runtime, const Value& value) {
  std::string out;
  append_repr(runtime, value, out);
  return out;
}

std::string to_text(Runtime& runtime, const Value& value) {
  if (value.is_text()) return value.text();
  if (value.is_undefined()) return "";
  return repr(runtime, value);
}

std::vector<Value> iterate(Runtime& runtime, const Value& value) {
  if (value.is_undefined()) return {};
  std::vector<Value> items;
  if (value.is_list()) {
    items = value.list().items;
  } else if (value.is_dict()) {
    for (const auto& entry : value.dict().items) items.push_back(entry.first);
  } else if (value.is_text()) {
    const std::string& text = value.text();
    runtime.charge(text.size());
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t bytes = code_point_at(text, i).bytes;
      items.emplace_back(text.substr(i, bytes));
      i += bytes;
    }
  } else {
    runtime.error(fmt::format("'{}' object is not iterable", value.type_name()));
  }
  runtime.charge(items.size());
  return items;
}

std::size_t length(Runtime& runtime, const Value& value) {
  if (value.is_undefined()) return 0;
  if (value.is_text()) return count_code_points(value.text());
  if (value.is_list() && value.list().kind != ListKind::kGenerator) return value.list().items.size();
  if (value.is_dict()) return value.dict().items.size();
  runtime.error(fmt::format("object of type '{}' has no len()", value.type_name()));
}

const Value* find_key(Runtime& runtime, const DictData& dict, const Value& key) {
  if (key.is_dict() || (key.is_list() && key.list().kind == ListKind::kList))
    runtime.error(fmt::format("unhashable type: '{}'", key.type_name()));
  for (const auto& entry : dict.items)
    if (equal(runtime, entry.first, key)) return &entry.second;
  return nullptr;
}

void set_key(Runtime& runtime, std::vector<std::pair<Value, Value>>& items, const Value& key, Value value) {
  if (key.is_dict() || (key.is_list() && key.list().kind == ListKind::kList))
    runtime.error(fmt::format("unhashable type: '{}'", key.type_name()));
  for (auto& entry : items) {
    if (!equal(runtime, entry.first, key)) continue;
    entry.second = std::move(value);
    return;
  }
  items.emplace_back(key, std::move(value));
}

Value from_json(Runtime& runtime, const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_integer:
      return json.get<std::int64_t>();
    case Json::value_t::number_unsigned:
      if (json.get<std::uint64_t>() > INT64_MAX) runtime.error("an integer of more than 64 bits");
      return json.get<std::int64_t>();
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string:
      return runtime.text(replace_invalid_utf8(json.get_ref<const std::string&>()));
    case Json::value_t::array: {
      std::vector<Value> items;
      for (const Json& item : json) items.push_back(from_json(runtime, item));
      return runtime.list(std::move(items));
    }
    case Json::value_t::object: {
      std::vector<std::pair<Value, Value>> items;
      for (const auto& [key, value] : json.items())
        items.emplace_back(Value(replace_invalid_utf8(key)), from_json(runtime, value));
      return runtime.dict(std::move(items));
    }
    default:
      return Value();
  }
}

}  // namespace firstlight::text::jinja
