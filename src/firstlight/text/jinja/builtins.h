// What the language offers on values: operators, items and attributes, methods, filters, tests.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "firstlight/text/jinja/value.h"

namespace firstlight::text::jinja {

// Binds the arguments of a call to parameter names, as Python does; an error for too many or unknown ones.
class Bound {
 public:
  Bound(Runtime& runtime, std::string_view function, const Arguments& arguments,
        std::initializer_list<std::string_view> names);
  const Value* find(std::size_t index) const { return values_[index]; }
  const Value& at(std::size_t index) const;  // an error when absent
  bool boolean(std::size_t index, bool otherwise) const;
  std::int64_t integer(std::size_t index, std::int64_t otherwise) const;
  std::string text(std::size_t index, std::string_view otherwise) const;

 private:
  Runtime& runtime_;
  std::string_view function_;
  std::vector<std::string_view> names_;
  std::vector<const Value*> values_;
};

// ---- operators.cpp ----
Value binary(Runtime& runtime, std::string_view op, const Value& a, const Value& b);  // + - * / // % **
Value negate(Runtime& runtime, const Value& value);
bool contains(Runtime& runtime, const Value& container, const Value& value);
Value get_attribute(Runtime& runtime, const Value& object, std::string_view name);
Value get_item(Runtime& runtime, const Value& object, const Value& key);
// Absent bounds are null.
Value slice(Runtime& runtime, const Value& object, const Value* start, const Value* stop, const Value* step);
std::string escape_html(std::string_view text);

// ---- percent.cpp ----
std::string percent_format(Runtime& runtime, const std::string& format, const Value& values);

// ---- methods.cpp ----
// The method `name` of a str, list or dict as a callable; false when there is none.
bool bind_method(Runtime& runtime, const Value& self, std::string_view name, Value& method);

// ---- strings.cpp ----
bool is_space(char32_t value);  // Python's str.isspace
std::string strip(std::string_view text, const std::string* characters, bool left, bool right);
std::vector<std::string> split_lines(std::string_view text);
std::string capitalize(const std::string& text);
std::string replace_all(Runtime& runtime, const std::string& text, const std::string& from, const std::string& to,
                        std::int64_t count);

// ---- json_text.cpp ----
// json.dumps(value, ensure_ascii, indent, separators, sort_keys).
Value to_json(Runtime& runtime, const Value& value, const Arguments& arguments);

// ---- filters.cpp, filters_lists.cpp, filters_text.cpp ----
Value apply_filter(Runtime& runtime, std::string_view name, const Value& value, const Arguments& arguments);
bool apply_list_filter(Runtime& runtime, std::string_view name, const Value& value, const Arguments& arguments,
                       Value& result);
bool apply_text_filter(Runtime& runtime, std::string_view name, const Value& value, const Arguments& arguments,
                       Value& result);
bool is_filter(std::string_view name);
bool is_list_filter(std::string_view name);
bool is_text_filter(std::string_view name);
std::int64_t to_integer(Runtime& runtime, const Value& value, std::int64_t otherwise, int base);
bool parse_float(std::string_view text, double& value);

// ---- tests.cpp ----
bool is_test(std::string_view name);
bool apply_test(Runtime& runtime, std::string_view name, const Value& value, const Arguments& arguments);

// ---- functions.cpp ----
class Namespace : public Object {
 public:
  std::vector<std::pair<Value, Value>> items;
  std::string_view type_name() const override { return "Namespace"; }
  bool attribute(Runtime& runtime, std::string_view name, Value& value) override;
};
class Clock;
// range, dict, namespace, cycler, joiner, raise_exception, strftime_now; false for any other name.
bool make_function(Runtime& runtime, std::string_view name, const Clock& clock, Value& function);

// The time that strftime_now tells.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::string format(const std::string& format) const = 0;
};

}  // namespace firstlight::text::jinja
