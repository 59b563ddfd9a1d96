// The `loop` variable of a for statement.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "firstlight/text/jinja/value.h"

namespace firstlight::text::jinja {

class Loop : public Object {
 public:
  explicit Loop(std::vector<Value> items) : items_(std::move(items)) {}
  std::string_view type_name() const override { return "LoopContext"; }
  bool attribute(Runtime& runtime, std::string_view name, Value& value) override;

  const std::vector<Value>& items() const { return items_; }
  std::size_t index = 0;
  Value changed;  // the arguments of the last loop.changed(), as a tuple
  bool asked = false;

 private:
  std::vector<Value> items_;
};

}  // namespace firstlight::text::jinja
