// Global functions, and the binding of arguments.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "firstlight/text/jinja/builtins.h"

namespace firstlight::text::jinja {
namespace {

constexpr std::int64_t kMaxRange = 100'000;  // the sandbox's

class Function : public Object {
 public:
  using Body = std::function<Value(Runtime&, Arguments&)>;
  explicit Function(Body body) : body_(std::move(body)) {}
  std::string_view type_name() const override { return "function"; }
  bool callable() const override { return true; }
  Value call(Runtime& runtime, Arguments& arguments) override { return body_(runtime, arguments); }

 private:
  Body body_;
};

Value range(Runtime& runtime, Arguments& arguments) {
  const Bound bound(runtime, "range", arguments, {"start", "stop", "step"});
  std::int64_t start = bound.integer(0, 0), stop = bound.integer(1, 0);
  const std::int64_t step = bound.integer(2, 1);
  bound.at(0);
  if (bound.find(1) == nullptr) stop = std::exchange(start, 0);
  if (step == 0) runtime.error("range() step must not be zero");
  std::vector<Value> items;
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (static_cast<std::int64_t>(items.size()) == kMaxRange)
      runtime.error(fmt::format("range too big; at most {} items", kMaxRange));
    items.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return runtime.list(std::move(items));
}

// dict(mapping or pairs, name=value, ...)
std::vector<std::pair<Value, Value>> dict_items(Runtime& runtime, Arguments& arguments) {
  std::vector<std::pair<Value, Value>> items;
  if (arguments.positional.size() > 1) runtime.error("dict expected at most 1 argument");
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (source.is_dict()) {
      items = source.dict().items;
      runtime.charge(items.size());
    } else {
      for (const Value& entry : iterate(runtime, source)) {
        const std::vector<Value> pair = iterate(runtime, entry);
        if (pair.size() != 2) runtime.error("dict() expects pairs");
        set_key(runtime, items, pair[0], pair[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.named) set_key(runtime, items, Value(name), value);
  return items;
}

// cycler(a, b, ...): next() gives them in turn, current is the one that comes next, reset() starts over.
class Cycler : public Object {
 public:
  std::vector<Value> items;
  std::size_t at = 0;
  std::string_view type_name() const override { return "Cycler"; }
  bool attribute(Runtime& runtime, std::string_view name, Value& value) override {
    if (name == "current") {
      value = items[at];
      return true;
    }
    if (name != "next" && name != "reset") return false;
    const bool advance = name == "next";
    value = Value(static_cast<Object*>(runtime.make<Function>([this, advance](Runtime& r, Arguments& arguments) {
      Bound(r, advance ? "next" : "reset", arguments, {});
      const Value current = items[at];
      at = advance ? (at + 1) % items.size() : 0;
      return advance ? current : Value();
    })));
    return true;
  }
};

}  // namespace

Bound::Bound(Runtime& runtime, std::string_view function, const Arguments& arguments,
             std::initializer_list<std::string_view> names)
    : runtime_(runtime), function_(function), names_(names), values_(names.size()) {
  if (arguments.positional.size() > names.size())
    runtime.error(
        fmt::format("{}() takes at most {} arguments, {} given", function, names.size(), arguments.positional.size()));
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found == names_.end()) runtime.error(fmt::format("{}() has no argument '{}'", function, name));
    const Value*& slot = values_[static_cast<std::size_t>(found - names_.begin())];
    if (slot != nullptr) runtime.error(fmt::format("{}() got '{}' twice", function, name));
    slot = &value;
  }
}

const Value& Bound::at(std::size_t index) const {
  if (values_[index] == nullptr) runtime_.error(fmt::format("{}() misses argument '{}'", function_, names_[index]));
  return *values_[index];
}
bool Bound::boolean(std::size_t index, bool otherwise) const {
  return values_[index] == nullptr ? otherwise : truth(*values_[index]);
}
std::int64_t Bound::integer(std::size_t index, std::int64_t otherwise) const {
  const Value* value = values_[index];
  if (value == nullptr) return otherwise;
  if (!value->is_integral())
    runtime_.error(fmt::format("{}(): '{}' must be an integer, not {}", function_, names_[index], value->type_name()));
  return value->integer();
}
std::string Bound::text(std::size_t index, std::string_view otherwise) const {
  const Value* value = values_[index];
  if (value == nullptr) return std::string(otherwise);
  if (value->is_undefined()) runtime_.error(value->undefined_what());
  if (!value->is_text())
    runtime_.error(fmt::format("{}(): '{}' must be a string, not {}", function_, names_[index], value->type_name()));
  return value->text();
}

bool Namespace::attribute(Runtime& runtime, std::string_view name, Value& value) {
  for (const auto& [key, item] : items) {
    runtime.charge(1);
    if (!key.is_text() || key.text() != name) continue;
    value = item;
    return true;
  }
  return false;
}

bool make_function(Runtime& runtime, std::string_view name, const Clock& clock, Value& function) {
  Function::Body body;
  if (name == "range") {
    body = range;
  } else if (name == "dict") {
    body = [](Runtime& r, Arguments& arguments) { return r.dict(dict_items(r, arguments)); };
  } else if (name == "namespace") {
    body = [](Runtime& r, Arguments& arguments) {
      auto* made = r.make<Namespace>();
      made->items = dict_items(r, arguments);
      return Value(static_cast<Object*>(made));
    };
  } else if (name == "cycler") {
    body = [](Runtime& r, Arguments& arguments) {
      if (arguments.positional.empty() || !arguments.named.empty()) r.error("cycler() expects items");
      auto* made = r.make<Cycler>();
      made->items = arguments.positional;
      return Value(static_cast<Object*>(made));
    };
  } else if (name == "joiner") {
    body = [](Runtime& r, Arguments& arguments) {
      const Bound bound(r, "joiner", arguments, {"sep"});
      const std::string separator = bound.text(0, ", ");
      return Value(
          static_cast<Object*>(r.make<Function>([separator, used = false](Runtime& inner, Arguments& none) mutable {
            Bound(inner, "joiner", none, {});
            return std::exchange(used, true) ? inner.text(separator) : Value("");
          })));
    };
  } else if (name == "raise_exception") {
    body = [](Runtime& r, Arguments& arguments) -> Value {
      r.error(fmt::format("the template refuses: {}", Bound(r, "raise_exception", arguments, {"message"}).text(0, "")));
    };
  } else if (name == "strftime_now") {
    body = [&clock](Runtime& r, Arguments& arguments) {
      return r.text(clock.format(Bound(r, "strftime_now", arguments, {"format"}).text(0, "")));
    };
  } else {
    return false;
  }
  function = Value(static_cast<Object*>(runtime.make<Function>(std::move(body))));
  return true;
}

}  // namespace firstlight::text::jinja
