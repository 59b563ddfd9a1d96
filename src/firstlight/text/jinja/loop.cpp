// loop.index and its like, loop.cycle(...), loop.changed(...).
#include "firstlight/text/jinja/loop.h"

namespace firstlight::text::jinja {
namespace {

class LoopMethod : public Object {
 public:
  LoopMethod(Loop& loop, bool cycle) : loop_(loop), cycle_(cycle) {}
  std::string_view type_name() const override { return "method"; }
  bool callable() const override { return true; }
  Value call(Runtime& runtime, Arguments& arguments) override {
    if (cycle_) {
      if (arguments.positional.empty()) runtime.error("no items for cycling given");
      return arguments.positional[loop_.index % arguments.positional.size()];
    }
    Value now = runtime.list(arguments.positional, ListKind::kTuple);
    if (loop_.asked && equal(runtime, now, loop_.changed)) return false;
    loop_.asked = true;
    loop_.changed = std::move(now);
    return true;
  }

 private:
  Loop& loop_;
  bool cycle_;
};

}  // namespace

bool Loop::attribute(Runtime& runtime, std::string_view name, Value& value) {
  const auto size = static_cast<std::int64_t>(items_.size()), at = static_cast<std::int64_t>(index);
  if (name == "index")
    value = at + 1;
  else if (name == "index0")
    value = at;
  else if (name == "revindex")
    value = size - at;
  else if (name == "revindex0")
    value = size - at - 1;
  else if (name == "first")
    value = at == 0;
  else if (name == "last")
    value = at == size - 1;
  else if (name == "length")
    value = size;
  else if (name == "depth")
    value = std::int64_t{1};  // counts recursion, not nesting
  else if (name == "depth0")
    value = std::int64_t{0};
  else if (name == "previtem")
    value = at > 0 ? items_[index - 1] : Value::undefined("there is no previous item");
  else if (name == "nextitem")
    value = at + 1 < size ? items_[index + 1] : Value::undefined("there is no next item");
  else if (name == "cycle" || name == "changed")
    value = Value(static_cast<Object*>(runtime.make<LoopMethod>(*this, name == "cycle")));
  else
    return false;
  return true;
}

}  // namespace firstlight::text::jinja
