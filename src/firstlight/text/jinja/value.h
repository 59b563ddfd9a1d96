// A value of the template language: Python's None, bool, int, float, str, list, tuple, dict, and Jinja's undefined.
// Values are immutable (the sandbox that chat templates run in forbids changing lists and dicts); what changes, a
// namespace or a loop, is an Object owned by the render.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "firstlight/base/json.h"

namespace firstlight::text::jinja {

class Runtime;
class Value;
struct Arguments;

// Something with behaviour: a namespace, a loop, a macro, a function, a bound method.
class Object {
 public:
  virtual ~Object() = default;
  virtual std::string_view type_name() const = 0;
  virtual bool attribute(Runtime&, std::string_view, Value&) { return false; }
  virtual bool callable() const { return false; }
  virtual Value call(Runtime& runtime, Arguments& arguments);
};

struct ListData;
struct DictData;

class Value {
 public:
  struct Undefined {
    std::shared_ptr<const std::string> what;  // "'x' is undefined"
  };
  struct None {};
  struct Text {
    std::shared_ptr<const std::string> text;
    bool markup;  // marked safe: joining it with other text escapes that text
  };
  using List = std::shared_ptr<const ListData>;
  using Dict = std::shared_ptr<const DictData>;

  Value() : data_(None{}) {}
  Value(bool v) : data_(v) {}                // NOLINT: values convert as Python's do
  Value(std::int64_t v) : data_(v) {}        // NOLINT
  Value(double v) : data_(v) {}              // NOLINT
  Value(std::string v, bool markup = false)  // NOLINT
      : data_(Text{std::make_shared<const std::string>(std::move(v)), markup}) {}
  Value(const char* v) : Value(std::string(v)) {}       // NOLINT
  Value(std::string_view v) : Value(std::string(v)) {}  // NOLINT
  Value(List v) : data_(std::move(v)) {}                // NOLINT
  Value(Dict v) : data_(std::move(v)) {}                // NOLINT
  Value(Object* v) : data_(v) {}                        // NOLINT
  static Value undefined(std::string what) {
    Value value;
    value.data_ = Undefined{std::make_shared<const std::string>(std::move(what))};
    return value;
  }

  bool is_undefined() const { return std::holds_alternative<Undefined>(data_); }
  bool is_none() const { return std::holds_alternative<None>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_int() const { return std::holds_alternative<std::int64_t>(data_); }
  bool is_float() const { return std::holds_alternative<double>(data_); }
  bool is_number() const { return is_bool() || is_int() || is_float(); }
  bool is_integral() const { return is_bool() || is_int(); }
  bool is_text() const { return std::holds_alternative<Text>(data_); }
  bool is_list() const { return std::holds_alternative<List>(data_); }  // list, tuple or generator
  bool is_dict() const { return std::holds_alternative<Dict>(data_); }
  bool is_markup() const { return is_text() && std::get<Text>(data_).markup; }

  const std::string& undefined_what() const { return *std::get<Undefined>(data_).what; }
  std::int64_t integer() const { return is_bool() ? std::get<bool>(data_) : std::get<std::int64_t>(data_); }
  double number() const { return is_float() ? std::get<double>(data_) : static_cast<double>(integer()); }
  const std::string& text() const { return *std::get<Text>(data_).text; }
  const ListData& list() const { return *std::get<List>(data_); }
  const DictData& dict() const { return *std::get<Dict>(data_); }
  Object* object() const {
    const auto* found = std::get_if<Object*>(&data_);
    return found == nullptr ? nullptr : *found;
  }

  // Python's name of the type: "str", "int", ...
  std::string_view type_name() const;

 private:
  std::variant<Undefined, None, bool, std::int64_t, double, Text, List, Dict, Object*> data_;
};

enum class ListKind { kList, kTuple, kGenerator };
struct ListData {
  std::vector<Value> items;
  ListKind kind = ListKind::kList;
  int depth = 1;  // of containers in containers
};
struct DictData {
  std::vector<std::pair<Value, Value>> items;  // in insertion order
  int depth = 1;
};

// What a call is given.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// Limits and errors of one render, and the home of its objects. Whatever costs time or memory is charged here.
class Runtime {
 public:
  Runtime(std::string where, std::int64_t budget) : where_(std::move(where)), budget_(budget) {}
  virtual ~Runtime() = default;

  int line = 1;  // of the template, for errors

  [[noreturn]] void error(std::string_view message) const;        // kBadInput
  [[noreturn]] void unsupported(std::string_view message) const;  // kUnsupported
  // Throws kResource when the render has used up its budget. One unit is about one step, or a few bytes of text.
  void charge(std::size_t units);

  template <typename T, typename... Args>
  T* make(Args&&... args) {
    charge(8);
    objects_.push_back(std::make_unique<T>(std::forward<Args>(args)...));
    return static_cast<T*>(objects_.back().get());
  }

  // Containers, charged by size; nesting is bounded so that walking (and freeing) them never overflows the stack.
  Value list(std::vector<Value> items, ListKind kind = ListKind::kList);
  Value dict(std::vector<std::pair<Value, Value>> items);
  Value text(std::string text, bool markup = false);

 private:
  std::string where_;
  std::int64_t budget_;
  std::vector<std::unique_ptr<Object>> objects_;
};

// ---- what Python does with any value ----
bool truth(const Value& value);
bool equal(Runtime& runtime, const Value& a, const Value& b);
// <0, 0, >0; an error for values without an order.
int compare(Runtime& runtime, const Value& a, const Value& b);
std::string to_text(Runtime& runtime, const Value& value);  // str(value)
std::string repr(Runtime& runtime, const Value& value);     // repr(value)
std::string repr_float(double value);
// The items of a list, the keys of a dict, the characters of a string; an error for anything else.
std::vector<Value> iterate(Runtime& runtime, const Value& value);
std::size_t length(Runtime& runtime, const Value& value);
const Value* find_key(Runtime& runtime, const DictData& dict, const Value& key);
// Adds or replaces.
void set_key(Runtime& runtime, std::vector<std::pair<Value, Value>>& items, const Value& key, Value value);

Value from_json(Runtime& runtime, const Json& json);

}  // namespace firstlight::text::jinja
