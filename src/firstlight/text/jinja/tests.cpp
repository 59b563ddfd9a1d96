// Tests: "x is name".
#include <fmt/format.h>

#include <algorithm>

#include "firstlight/text/jinja/builtins.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text::jinja {
namespace {

bool has_case(const std::string& text, bool upper) {
  // Python: at least one cased character, and none of the other case.
  return text == (upper ? upper_case(text) : lower_case(text)) && upper_case(text) != lower_case(text);
}

constexpr std::string_view kTests[] = {
    "!=",     "<",       "<=",     "==",       ">",        ">=",     "boolean", "callable",  "defined", "divisibleby",
    "eq",     "equalto", "even",   "escaped",  "false",    "filter", "float",   "ge",        "gt",      "greaterthan",
    "in",     "integer", "le",     "iterable", "lessthan", "lower",  "lt",      "mapping",   "ne",      "none",
    "number", "odd",     "sameas", "sequence", "string",   "test",   "true",    "undefined", "upper"};

}  // namespace

bool is_test(std::string_view name) {
  return std::find(std::begin(kTests), std::end(kTests), name) != std::end(kTests);
}

bool apply_test(Runtime& runtime, std::string_view name, const Value& value, const Arguments& arguments) {
  runtime.charge(1);
  const auto none = [&] { Bound(runtime, name, arguments, {}); };
  const auto other = [&]() -> const Value& {
    return arguments.positional.size() == 1 && arguments.named.empty()
               ? arguments.positional[0]
               : (runtime.error(fmt::format("test '{}' takes one argument", name)), arguments.positional[0]);
  };
  if (name == "equalto" || name == "eq" || name == "==") return equal(runtime, value, other());
  if (name == "ne" || name == "!=") return !equal(runtime, value, other());
  if (name == "lt" || name == "<" || name == "lessthan") return compare(runtime, value, other()) < 0;
  if (name == "le" || name == "<=") return compare(runtime, value, other()) <= 0;
  if (name == "gt" || name == ">" || name == "greaterthan") return compare(runtime, value, other()) > 0;
  if (name == "ge" || name == ">=") return compare(runtime, value, other()) >= 0;
  if (name == "in") return contains(runtime, other(), value);
  if (name == "sameas") {
    const Value& b = other();
    if (value.is_bool() || b.is_bool()) return value.is_bool() && b.is_bool() && value.integer() == b.integer();
    return value.type_name() == b.type_name() && equal(runtime, value, b);
  }
  if (name == "divisibleby") return equal(runtime, binary(runtime, "%", value, other()), Value(std::int64_t{0}));
  none();
  if (name == "defined") return !value.is_undefined();
  if (name == "undefined") return value.is_undefined();
  if (name == "none") return value.is_none();
  if (name == "boolean") return value.is_bool();
  if (name == "true") return value.is_bool() && value.integer() != 0;
  if (name == "false") return value.is_bool() && value.integer() == 0;
  if (name == "integer") return value.is_int();
  if (name == "float") return value.is_float();
  if (name == "number") return value.is_number();
  if (name == "string") return value.is_text();
  if (name == "mapping") return value.is_dict();
  if (name == "iterable") return value.is_list() || value.is_dict() || value.is_text() || value.is_undefined();
  if (name == "sequence")
    return value.is_text() || value.is_dict() || (value.is_list() && value.list().kind != ListKind::kGenerator);
  if (name == "callable") return value.is_undefined() || (value.object() != nullptr && value.object()->callable());
  if (name == "odd" || name == "even") {
    const Value rest = binary(runtime, "%", value, Value(std::int64_t{2}));
    return equal(runtime, rest, Value(std::int64_t{name == "odd" ? 1 : 0}));
  }
  if (name == "filter" || name == "test") {
    if (!value.is_text()) return false;
    return name == "filter" ? is_filter(value.text()) : is_test(value.text());
  }
  if (name == "lower") return has_case(to_text(runtime, value), false);
  if (name == "upper") return has_case(to_text(runtime, value), true);
  if (name == "escaped") return value.is_markup();
  runtime.unsupported(fmt::format("test '{}'", name));
}

}  // namespace firstlight::text::jinja
