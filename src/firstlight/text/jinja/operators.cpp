// Python's operators, subscripts and attribute look-up.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "firstlight/text/jinja/builtins.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text::jinja {
namespace {

[[noreturn]] void no_operator(Runtime& runtime, std::string_view op, const Value& a, const Value& b) {
  if (a.is_undefined()) runtime.error(a.undefined_what());
  if (b.is_undefined()) runtime.error(b.undefined_what());
  runtime.error(fmt::format("unsupported operand types for {}: '{}' and '{}'", op, a.type_name(), b.type_name()));
}

[[noreturn]] void overflow(Runtime& runtime) { runtime.error("an integer of more than 64 bits"); }

Value power(Runtime& runtime, std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) overflow(runtime);
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) overflow(runtime);
  }
  return result;
}

Value integers(Runtime& runtime, std::string_view op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (op == "+"   ? __builtin_add_overflow(a, b, &result)
      : op == "-" ? __builtin_sub_overflow(a, b, &result)
                  : op == "*" && __builtin_mul_overflow(a, b, &result))
    overflow(runtime);
  if (op == "+" || op == "-" || op == "*") return result;
  if (op == "**") return b < 0 ? Value(std::pow(static_cast<double>(a), static_cast<double>(b))) : power(runtime, a, b);
  if (b == 0) runtime.error("division by zero");
  if (op == "/") return static_cast<double>(a) / static_cast<double>(b);
  if (b == -1) {
    if (op == "%") return std::int64_t{0};
    if (__builtin_sub_overflow(std::int64_t{0}, a, &result)) overflow(runtime);
    return result;
  }
  // Python rounds quotients down, so that a remainder has the divisor's sign.
  const bool adjust = a % b != 0 && (a % b < 0) != (b < 0);
  return op == "//" ? a / b - (adjust ? 1 : 0) : a % b + (adjust ? b : 0);
}

Value reals(Runtime& runtime, std::string_view op, double a, double b) {
  if (op == "+") return a + b;
  if (op == "-") return a - b;
  if (op == "*") return a * b;
  if (op == "**") return std::pow(a, b);
  if (b == 0) runtime.error("division by zero");
  if (op == "/") return a / b;
  double remainder = std::fmod(a, b);
  if (remainder != 0 && (remainder < 0) != (b < 0)) remainder += b;
  if (op == "%") return remainder;
  return std::floor((a - remainder) / b + 0.5);
}

Value repeat(Runtime& runtime, const Value& value, std::int64_t times) {
  const auto count = static_cast<std::size_t>(std::max<std::int64_t>(0, times));
  if (value.is_text()) {
    if (!value.text().empty()) runtime.charge(count);
    runtime.charge(value.text().size() * std::min(count, std::size_t{1} << 28) / 4);
    std::string out;
    for (std::size_t i = 0; i < count && !value.text().empty(); ++i) out += value.text();
    return runtime.text(std::move(out), value.is_markup());
  }
  const ListData& list = value.list();
  if (!list.items.empty()) runtime.charge(count);
  runtime.charge(list.items.size() * std::min(count, std::size_t{1} << 28));
  std::vector<Value> items;
  for (std::size_t i = 0; i < count && !list.items.empty(); ++i)
    items.insert(items.end(), list.items.begin(), list.items.end());
  return runtime.list(std::move(items), list.kind);
}

Value add(Runtime& runtime, const Value& a, const Value& b) {
  if (a.is_text() && b.is_text()) {
    runtime.charge((a.text().size() + b.text().size()) / 8);
    if (a.is_markup() == b.is_markup()) return runtime.text(a.text() + b.text(), a.is_markup());
    return a.is_markup() ? runtime.text(a.text() + escape_html(b.text()), true)
                         : runtime.text(escape_html(a.text()) + b.text(), true);
  }
  if (a.is_list() && b.is_list() && a.list().kind == b.list().kind && a.list().kind != ListKind::kGenerator) {
    runtime.charge(a.list().items.size() + b.list().items.size());
    std::vector<Value> items = a.list().items;
    items.insert(items.end(), b.list().items.begin(), b.list().items.end());
    return runtime.list(std::move(items), a.list().kind);
  }
  no_operator(runtime, "+", a, b);
}

// The index of a sequence of `size`; false when it is outside.
bool resolve_index(std::int64_t index, std::size_t size, std::size_t& resolved) {
  const auto count = static_cast<std::int64_t>(size);
  if (index < 0) index += count;
  if (index < 0 || index >= count) return false;
  resolved = static_cast<std::size_t>(index);
  return true;
}

std::int64_t slice_bound(Runtime& runtime, const Value* bound, std::int64_t otherwise, std::int64_t size,
                         std::int64_t lowest, std::int64_t highest) {
  if (bound == nullptr || bound->is_none()) return otherwise;
  if (!bound->is_integral()) runtime.error("slice indices must be integers or None");
  std::int64_t index = bound->integer();
  if (index < 0) index = index < -size ? lowest : std::max(lowest, index + size);
  return std::min(index, highest);
}

bool is_mutating(const Value& object, std::string_view name) {
  static constexpr std::string_view kDict[] = {"clear", "pop", "popitem", "setdefault", "update"};
  static constexpr std::string_view kList[] = {"append", "clear",  "extend",  "insert",
                                               "pop",    "remove", "reverse", "sort"};
  if (object.is_dict()) return std::find(std::begin(kDict), std::end(kDict), name) != std::end(kDict);
  return object.is_list() && object.list().kind == ListKind::kList &&
         std::find(std::begin(kList), std::end(kList), name) != std::end(kList);
}

Value missing(const Value& object, std::string_view name) {
  return Value::undefined(fmt::format("'{} object' has no attribute '{}'", object.type_name(), name));
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

Value binary(Runtime& runtime, std::string_view op, const Value& a, const Value& b) {
  if (a.is_number() && b.is_number())
    return a.is_integral() && b.is_integral() ? integers(runtime, op, a.integer(), b.integer())
                                              : reals(runtime, op, a.number(), b.number());
  if (op == "+") return add(runtime, a, b);
  const auto repeats = [](const Value& v) {
    return v.is_text() || (v.is_list() && v.list().kind != ListKind::kGenerator);
  };
  if (op == "*" && repeats(a) && b.is_integral()) return repeat(runtime, a, b.integer());
  if (op == "*" && a.is_integral() && repeats(b)) return repeat(runtime, b, a.integer());
  if (op == "%" && a.is_text()) return runtime.text(percent_format(runtime, a.text(), b), a.is_markup());
  no_operator(runtime, op, a, b);
}

Value negate(Runtime& runtime, const Value& value) {
  if (value.is_undefined()) runtime.error(value.undefined_what());
  if (value.is_float()) return -value.number();
  if (!value.is_integral()) runtime.error(fmt::format("bad operand type for unary -: '{}'", value.type_name()));
  return integers(runtime, "-", 0, value.integer());
}

bool contains(Runtime& runtime, const Value& container, const Value& value) {
  if (container.is_text()) {
    if (!value.is_text()) runtime.error(fmt::format("'in <string>' requires a string, not '{}'", value.type_name()));
    runtime.charge(container.text().size() / 16);
    return container.text().find(value.text()) != std::string::npos;
  }
  if (container.is_dict()) return find_key(runtime, container.dict(), value) != nullptr;
  if (container.is_list()) {
    for (const Value& item : container.list().items)
      if (equal(runtime, item, value)) return true;
    return false;
  }
  if (container.is_undefined()) return false;
  runtime.error(fmt::format("argument of type '{}' is not iterable", container.type_name()));
}

Value get_attribute(Runtime& runtime, const Value& object, std::string_view name) {
  runtime.charge(1);
  if (object.is_undefined()) runtime.error(object.undefined_what());
  if (name.starts_with("__")) return missing(object, name);
  Value found;
  if (Object* behaviour = object.object())
    return behaviour->attribute(runtime, name, found) ? found : missing(object, name);
  if (is_mutating(object, name))
    return Value::undefined(fmt::format("attribute '{}' of '{}' object would change it", name, object.type_name()));
  if (bind_method(runtime, object, name, found)) return found;
  if (object.is_dict())
    if (const Value* item = find_key(runtime, object.dict(), Value(name))) return *item;
  return missing(object, name);
}

Value get_item(Runtime& runtime, const Value& object, const Value& key) {
  runtime.charge(1);
  if (object.is_undefined()) runtime.error(object.undefined_what());
  if (object.is_dict()) {
    if (const Value* item = find_key(runtime, object.dict(), key)) return *item;
  } else if (key.is_integral() && object.is_list() && object.list().kind != ListKind::kGenerator) {
    std::size_t index = 0;
    if (resolve_index(key.integer(), object.list().items.size(), index)) return object.list().items[index];
  } else if (key.is_integral() && object.is_text()) {
    const std::vector<Value> characters = iterate(runtime, object);
    std::size_t index = 0;
    if (resolve_index(key.integer(), characters.size(), index)) return characters[index];
  }
  if (key.is_text()) {  // what is no item may be an attribute
    Value found;
    if (object.object() != nullptr && object.object()->attribute(runtime, key.text(), found)) return found;
    if (bind_method(runtime, object, key.text(), found)) return found;
  }
  return missing(object, to_text(runtime, key));
}

Value slice(Runtime& runtime, const Value& object, const Value* start, const Value* stop, const Value* step) {
  if (object.is_undefined()) runtime.error(object.undefined_what());
  if (!object.is_text() && !(object.is_list() && object.list().kind != ListKind::kGenerator))
    return missing(object, "slice");
  const std::vector<Value> items = iterate(runtime, object);
  const auto size = static_cast<std::int64_t>(items.size());
  std::int64_t stride = 1;
  if (step != nullptr && !step->is_none()) {
    if (!step->is_integral()) runtime.error("slice indices must be integers or None");
    stride = step->integer();
    if (stride == 0) runtime.error("slice step cannot be zero");
    stride = std::clamp(stride, -size - 1, size + 1);
  }
  const bool up = stride > 0;
  const std::int64_t lowest = up ? 0 : -1, highest = up ? size : size - 1;
  std::int64_t at = slice_bound(runtime, start, up ? 0 : size - 1, size, lowest, highest);
  const std::int64_t end = slice_bound(runtime, stop, up ? size : -1, size, lowest, highest);
  std::vector<Value> taken;
  for (; up ? at < end : at > end; at += stride) taken.push_back(items[static_cast<std::size_t>(at)]);
  if (object.is_list()) return runtime.list(std::move(taken), object.list().kind);
  std::string text;
  for (const Value& character : taken) text += character.text();
  return runtime.text(std::move(text), object.is_markup());
}

}  // namespace firstlight::text::jinja
