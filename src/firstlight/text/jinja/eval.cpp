// Walks the tree. Scopes are Jinja's: a loop's body, a macro and a with-block have their own, an if has none.
#include "firstlight/text/jinja/eval.h"

#include <fmt/format.h>

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/text/jinja/loop.h"
#include "firstlight/text/jinja/parser.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text::jinja {
namespace {

// A long conversation costs some 100 units a message; this is about half a second.
constexpr std::int64_t kBudget = 16'000'000;
constexpr int kMaxDepth = 400;  // of expressions in statements in macros in ...: bounds the stack

struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string_view, Value>> variables;

  Value* find(std::string_view name) {
    for (auto& [known, value] : variables)
      if (known == name) return &value;
    return nullptr;
  }
  void set(std::string_view name, Value value) {
    if (Value* known = find(name))
      *known = std::move(value);
    else
      variables.emplace_back(name, std::move(value));
  }
};
using ScopePtr = std::shared_ptr<Scope>;

class Evaluator;

// A macro, or the body of a call block. It sees the scope it was defined in, as long as that lasts.
class Macro : public Object {
 public:
  Macro(Evaluator& evaluator, const Statement& statement, const ScopePtr& scope)
      : evaluator_(evaluator), statement_(statement), scope_(scope) {}
  std::string_view type_name() const override { return "Macro"; }
  bool callable() const override { return true; }
  Value call(Runtime& runtime, Arguments& arguments) override;
  bool attribute(Runtime&, std::string_view name, Value& value) override {
    if (name != "name") return false;
    value = Value(statement_.text);
    return true;
  }

 private:
  Evaluator& evaluator_;
  const Statement& statement_;
  std::weak_ptr<Scope> scope_;
};

class Evaluator : public Runtime {
 public:
  Evaluator(const std::string& where, const Clock& clock) : Runtime(where, kBudget), clock_(clock) {}

  std::string render(const Block& block, const Json& variables) {
    auto scope = std::make_shared<Scope>();
    for (const auto& [name, value] : variables.items()) scope->variables.emplace_back(name, from_json(*this, value));
    // What the template sets lies in a scope of its own, over the variables.
    auto top = std::make_shared<Scope>();
    top->parent = scope;
    run(block, top);
    return std::move(out_);
  }

  std::string call_body(const Statement& macro, const ScopePtr& scope) { return captured(macro.blocks[0], scope); }

  Value value_of(const Expression& expression, const ScopePtr& scope) { return evaluate(expression, scope); }

 private:
  enum class Flow { kNext, kBreak, kContinue };

  // ---- statements ----
  Flow run(const Block& block, const ScopePtr& scope) {
    for (const auto& statement : block) {
      line = statement->line;
      charge(1);
      const Flow flow = run(*statement, scope);
      if (flow != Flow::kNext) return flow;
    }
    return Flow::kNext;
  }

  struct Nest {
    explicit Nest(Evaluator& evaluator) : evaluator(evaluator) {
      if (++evaluator.depth_ > kMaxDepth) evaluator.error("nested too deep");
    }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;
    ~Nest() { --evaluator.depth_; }
    Evaluator& evaluator;
  };

  Flow run(const Statement& statement, const ScopePtr& scope) {
    const Nest nest(*this);
    switch (statement.kind) {
      case StatementKind::kData:
        write(statement.text);
        break;
      case StatementKind::kOutput:
        for (const auto& expression : statement.expressions) write(to_text(*this, evaluate(*expression, scope)));
        break;
      case StatementKind::kIf: {
        std::size_t i = 0;
        while (i < statement.expressions.size() && !truth(evaluate(*statement.expressions[i], scope))) ++i;
        return i < statement.blocks.size() ? run(statement.blocks[i], scope) : Flow::kNext;
      }
      case StatementKind::kFor:
        return run_for(statement, scope);
      case StatementKind::kBreak:
        return Flow::kBreak;
      case StatementKind::kContinue:
        return Flow::kContinue;
      case StatementKind::kSet:
        assign(statement.target, evaluate(*statement.expressions[0], scope), scope);
        break;
      case StatementKind::kSetBlock: {
        Value value = text(captured(statement.blocks[0], inner(scope)));
        if (statement.expressions[0]) value = filter(*statement.expressions[0], scope, &value);
        assign(statement.target, std::move(value), scope);
        break;
      }
      case StatementKind::kMacro:
        scope->set(statement.text, Value(static_cast<Object*>(make<Macro>(*this, statement, scope))));
        break;
      case StatementKind::kCallBlock: {
        const Expression& call = *statement.expressions[0];
        Arguments arguments = evaluate_arguments(call.call, scope);
        arguments.named.emplace_back("caller", Value(static_cast<Object*>(make<Macro>(*this, statement, scope))));
        write(to_text(*this, invoke(evaluate(*call.children[0], scope), arguments)));
        break;
      }
      case StatementKind::kFilterBlock: {
        const Value body = text(captured(statement.blocks[0], inner(scope)));
        write(to_text(*this, filter(*statement.expressions[0], scope, &body)));
        break;
      }
      case StatementKind::kWith: {
        const ScopePtr own = inner(scope);
        for (const Parameter& parameter : statement.parameters)
          own->set(parameter.name, evaluate(*parameter.value, scope));
        return run(statement.blocks[0], own);
      }
      case StatementKind::kGroup:
        return run(statement.blocks[0], inner(scope));
    }
    return Flow::kNext;
  }

  Flow run_for(const Statement& statement, const ScopePtr& scope) {
    std::vector<Value> items = iterate(*this, evaluate(*statement.expressions[0], scope));
    if (const auto& condition = statement.expressions[1]) {
      std::vector<Value> kept;
      for (Value& item : items) {
        const ScopePtr own = inner(scope);
        assign(statement.target, item, own);
        if (truth(evaluate(*condition, own))) kept.push_back(std::move(item));
      }
      items = std::move(kept);
    }
    if (items.empty()) return statement.blocks.size() > 1 ? run(statement.blocks[1], inner(scope)) : Flow::kNext;

    Loop* loop = make<Loop>(std::move(items));
    for (loop->index = 0; loop->index < loop->items().size(); ++loop->index) {
      const ScopePtr own = inner(scope);
      own->set("loop", Value(static_cast<Object*>(loop)));
      assign(statement.target, loop->items()[loop->index], own);
      if (run(statement.blocks[0], own) == Flow::kBreak) break;
    }
    return Flow::kNext;
  }

  ScopePtr inner(const ScopePtr& scope) {
    charge(2);
    auto made = std::make_shared<Scope>();
    made->parent = scope;
    return made;
  }

  std::string captured(const Block& block, const ScopePtr& scope) {
    std::string outer = std::exchange(out_, {});
    run(block, scope);
    return std::exchange(out_, std::move(outer));
  }

  void write(std::string_view piece) {
    charge(piece.size() / 4);
    out_ += piece;
  }

  void assign(const Target& target, Value value, const ScopePtr& scope) {
    if (!target.parts.empty()) {
      const std::vector<Value> items = iterate(*this, value);
      if (items.size() != target.parts.size())
        error(fmt::format("cannot unpack {} values into {} names", items.size(), target.parts.size()));
      for (std::size_t i = 0; i < items.size(); ++i) assign(target.parts[i], items[i], scope);
    } else if (target.attribute.empty()) {
      scope->set(target.name, std::move(value));
    } else {
      auto* space = dynamic_cast<Namespace*>(look_up(target.name, scope).object());
      if (space == nullptr) error(fmt::format("cannot set an attribute of '{}', which is no namespace", target.name));
      if (target.attribute.starts_with('_')) error("a namespace takes no attributes that begin with '_'");
      set_key(*this, space->items, Value(target.attribute), std::move(value));
    }
  }

  // ---- expressions ----
  Value look_up(std::string_view name, const ScopePtr& scope) {
    for (Scope* at = scope.get(); at != nullptr; at = at->parent.get()) {
      charge(1 + at->variables.size() / 16);
      if (const Value* found = at->find(name)) return *found;
    }
    Value function;
    if (make_function(*this, name, clock_, function)) return function;
    return Value::undefined(fmt::format("'{}' is undefined", name));
  }

  Value evaluate(const Expression& e, const ScopePtr& scope) {
    const Nest nest(*this);
    charge(1);
    line = e.line;
    const auto child = [&](std::size_t i) { return evaluate(*e.children[i], scope); };
    switch (e.kind) {
      case ExpressionKind::kConstant:
        return e.constant;
      case ExpressionKind::kName:
        return look_up(e.name, scope);
      case ExpressionKind::kList:
      case ExpressionKind::kTuple: {
        std::vector<Value> items;
        for (std::size_t i = 0; i < e.children.size(); ++i) items.push_back(child(i));
        return list(std::move(items), e.kind == ExpressionKind::kList ? ListKind::kList : ListKind::kTuple);
      }
      case ExpressionKind::kDict: {
        std::vector<std::pair<Value, Value>> items;
        for (std::size_t i = 0; i < e.children.size(); i += 2) {
          const Value key = child(i);
          set_key(*this, items, key, child(i + 1));
        }
        return dict(std::move(items));
      }
      case ExpressionKind::kAttribute:
        return get_attribute(*this, child(0), e.name);
      case ExpressionKind::kItem: {
        const Value object = child(0);
        return get_item(*this, object, child(1));
      }
      case ExpressionKind::kSlice: {
        const Value object = child(0);
        Value bounds[3];
        const Value* given[3] = {};
        for (std::size_t i = 0; i < 3; ++i) {
          if (!e.children[i + 1]) continue;
          bounds[i] = child(i + 1);
          given[i] = &bounds[i];
        }
        return slice(*this, object, given[0], given[1], given[2]);
      }
      case ExpressionKind::kCall: {
        const Value callee = child(0);
        Arguments arguments = evaluate_arguments(e.call, scope);
        line = e.line;
        return invoke(callee, arguments);
      }
      case ExpressionKind::kFilter:
        return filter(e, scope, nullptr);
      case ExpressionKind::kTest: {
        const Value value = child(0);
        return apply_test(*this, e.name, value, evaluate_arguments(e.call, scope));
      }
      case ExpressionKind::kNot:
        return !truth(child(0));
      case ExpressionKind::kNegate:
        return negate(*this, child(0));
      case ExpressionKind::kPlus: {
        const Value value = child(0);
        if (!value.is_number()) error(fmt::format("bad operand type for unary +: '{}'", value.type_name()));
        return value.is_bool() ? Value(value.integer()) : value;
      }
      case ExpressionKind::kAnd: {
        Value left = child(0);
        return truth(left) ? child(1) : left;
      }
      case ExpressionKind::kOr: {
        Value left = child(0);
        return truth(left) ? left : child(1);
      }
      case ExpressionKind::kBinary: {
        const Value left = child(0), right = child(1);
        line = e.line;
        return binary(*this, e.name, left, right);
      }
      case ExpressionKind::kConcatenate: {
        std::string joined;
        for (std::size_t i = 0; i < e.children.size(); ++i) joined += to_text(*this, child(i));
        return text(std::move(joined));
      }
      case ExpressionKind::kCompare:
        return chain(e, scope);
      case ExpressionKind::kConditional:
        if (truth(child(1))) return child(0);
        return e.children[2] ? child(2) : Value::undefined("the inline if has no else, and its condition is false");
    }
    error("unknown expression");
  }

  // a < b < c: each neighbouring pair, each operand evaluated once, up to the first that fails.
  Value chain(const Expression& e, const ScopePtr& scope) {
    Value left = evaluate(*e.children[0], scope);
    for (std::size_t i = 0; i < e.operators.size(); ++i) {
      Value right = evaluate(*e.children[i + 1], scope);
      if (!holds(e.operators[i], left, right)) return false;
      left = std::move(right);
    }
    return true;
  }
  bool holds(std::string_view op, const Value& a, const Value& b) {
    if (op == "==") return equal(*this, a, b);
    if (op == "!=") return !equal(*this, a, b);
    if (op == "in") return contains(*this, b, a);
    if (op == "not in") return !contains(*this, b, a);
    const bool nan = (a.is_float() && a.number() != a.number()) || (b.is_float() && b.number() != b.number());
    const int order = compare(*this, a, b);
    if (nan) return false;
    return op == "<" ? order < 0 : op == "<=" ? order <= 0 : op == ">" ? order > 0 : order >= 0;
  }

  // `input` is given where the filter's own subject is left out (filter blocks, set blocks).
  Value filter(const Expression& e, const ScopePtr& scope, const Value* input) {
    const Expression* subject = e.children[0].get();
    Value value;
    if (subject == nullptr)
      value = *input;
    else if (subject->kind == ExpressionKind::kFilter && input != nullptr)
      value = filter(*subject, scope, input);
    else
      value = evaluate(*subject, scope);
    const Arguments arguments = evaluate_arguments(e.call, scope);
    line = e.line;
    return apply_filter(*this, e.name, value, arguments);
  }

  Arguments evaluate_arguments(const CallArguments& call, const ScopePtr& scope) {
    Arguments arguments;
    for (const auto& expression : call.positional) arguments.positional.push_back(evaluate(*expression, scope));
    for (const auto& [name, expression] : call.named) arguments.named.emplace_back(name, evaluate(*expression, scope));
    if (call.star)
      for (Value& item : iterate(*this, evaluate(*call.star, scope))) arguments.positional.push_back(std::move(item));
    if (call.star_star) {
      const Value mapping = evaluate(*call.star_star, scope);
      if (!mapping.is_dict()) error("'**' needs a mapping");
      charge(mapping.dict().items.size());
      for (const auto& [key, value] : mapping.dict().items) {
        if (!key.is_text()) error("'**' needs names as keys");
        arguments.named.emplace_back(key.text(), value);
      }
    }
    return arguments;
  }

  Value invoke(const Value& callee, Arguments& arguments) {
    if (callee.is_undefined()) error(callee.undefined_what());
    if (callee.object() == nullptr) error(fmt::format("'{}' object is not callable", callee.type_name()));
    return callee.object()->call(*this, arguments);
  }

  const Clock& clock_;
  std::string out_;
  int depth_ = 0;
};

Value Macro::call(Runtime& runtime, Arguments& arguments) {
  const ScopePtr defined_in = scope_.lock();
  if (!defined_in)
    runtime.error(fmt::format("macro '{}' is called after the scope it was defined in", statement_.text));
  auto own = std::make_shared<Scope>();
  own->parent = defined_in;
  const auto& parameters = statement_.parameters;
  std::vector<const Value*> given(parameters.size());
  std::vector<Value> extra;
  std::vector<std::pair<Value, Value>> extra_named;
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
    if (i < given.size())
      given[i] = &arguments.positional[i];
    else
      extra.push_back(arguments.positional[i]);
  }
  Value caller = Value::undefined("No caller defined");
  for (const auto& argument : arguments.named) {
    const std::string& name = argument.first;
    const Value& value = argument.second;
    const auto found =
        std::find_if(parameters.begin(), parameters.end(), [&](const auto& p) { return p.name == name; });
    if (found == parameters.end()) {
      if (name == "caller")
        caller = value;
      else
        extra_named.emplace_back(Value(name), value);
      continue;
    }
    const Value*& slot = given[static_cast<std::size_t>(found - parameters.begin())];
    if (slot != nullptr) runtime.error(fmt::format("macro '{}' got '{}' twice", statement_.text, name));
    slot = &value;
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (given[i] != nullptr)
      own->set(parameters[i].name, *given[i]);
    else if (parameters[i].value)
      own->set(parameters[i].name, evaluator_.value_of(*parameters[i].value, own));
    else
      own->set(parameters[i].name,
               Value::undefined(fmt::format("parameter '{}' was not provided", parameters[i].name)));
  }
  if (own->find("caller") == nullptr) own->set("caller", std::move(caller));
  if (own->find("varargs") == nullptr) own->set("varargs", runtime.list(std::move(extra), ListKind::kTuple));
  if (own->find("kwargs") == nullptr) own->set("kwargs", runtime.dict(std::move(extra_named)));
  return runtime.text(evaluator_.call_body(statement_, own));
}

}  // namespace

Template::Template(std::string_view source, std::string where) : where_(std::move(where)) {
  if (!is_valid_utf8(source)) fail(Category::kBadInput, where_, "the template is not UTF-8");
  block_ = parse_template(source, where_);
}

std::string Template::render(const Json& variables, const Clock& clock) const {
  if (!variables.is_object()) fail(Category::kBadInput, where_, "variables must be an object");
  return Evaluator(where_, clock).render(block_, variables);
}

}  // namespace firstlight::text::jinja
