// Recursive descent, a function a level of precedence.
#include "firstlight/text/jinja/expression_parser.h"

#include <algorithm>

namespace firstlight::text::jinja {
namespace {

constexpr int kMaxTreeDepth = 1000;  // a chain a + b + c ... is as deep as it is long, and trees are freed recursively

}  // namespace

ExpressionPtr ExpressionParser::node(ExpressionKind kind, int line) const {
  auto made = std::make_unique<Expression>();
  made->kind = kind;
  made->line = line;
  return made;
}

void ExpressionParser::measure(Expression& made) const {
  int deepest = 0;
  const auto see = [&](const ExpressionPtr& child) {
    if (child) deepest = std::max(deepest, child->depth);
  };
  for (const auto& child : made.children) see(child);
  for (const auto& argument : made.call.positional) see(argument);
  for (const auto& argument : made.call.named) see(argument.second);
  see(made.call.star);
  see(made.call.star_star);
  made.depth = deepest + 1;
  if (made.depth > kMaxTreeDepth) bad("an expression too long");
}

ExpressionPtr ExpressionParser::expression() {
  const Nest nest(*this);
  return conditional();
}

ExpressionPtr ExpressionParser::tuple(bool with_condition, bool in_parentheses) {
  const Nest nest(*this);
  const int line = current().line;
  std::vector<ExpressionPtr> items;
  bool is_tuple = false;
  while (true) {
    if (!items.empty() && !take_op(",")) break;
    if (!items.empty()) is_tuple = true;
    const TokenKind kind = current().kind;
    if (kind == TokenKind::kVariableEnd || kind == TokenKind::kBlockEnd || is_op(")")) break;
    items.push_back(with_condition ? conditional() : disjunction());
  }
  if (!is_tuple) {
    if (!items.empty()) return std::move(items[0]);
    if (!in_parentheses) bad(fmt::format("expected an expression, found '{}'", describe()));
  }
  auto made = node(ExpressionKind::kTuple, line);
  made->children = std::move(items);
  measure(*made);
  return made;
}

ExpressionPtr ExpressionParser::conditional() {
  const int line = current().line;
  ExpressionPtr value = disjunction();
  while (take_name("if")) {
    const Nest nest(*this);
    ExpressionPtr test = disjunction();
    ExpressionPtr otherwise = take_name("else") ? conditional() : nullptr;
    value = node(ExpressionKind::kConditional, line, std::move(value), std::move(test), std::move(otherwise));
  }
  return value;
}

ExpressionPtr ExpressionParser::disjunction() {
  ExpressionPtr left = conjunction();
  for (int line = current().line; take_name("or"); line = current().line)
    left = node(ExpressionKind::kOr, line, std::move(left), conjunction());
  return left;
}

ExpressionPtr ExpressionParser::conjunction() {
  ExpressionPtr left = negation();
  for (int line = current().line; take_name("and"); line = current().line)
    left = node(ExpressionKind::kAnd, line, std::move(left), negation());
  return left;
}

ExpressionPtr ExpressionParser::negation() {
  const Nest nest(*this);
  const int line = current().line;
  if (take_name("not")) return node(ExpressionKind::kNot, line, negation());
  return comparison();
}

ExpressionPtr ExpressionParser::comparison() {
  const int line = current().line;
  ExpressionPtr first = sum();
  ExpressionPtr made;
  for (;;) {
    std::string op;
    for (const std::string_view sign : {"==", "!=", "<=", ">=", "<", ">"})
      if (is_op(sign)) op = sign;
    if (!op.empty()) {
      ++at_;
    } else if (take_name("in")) {
      op = "in";
    } else if (is_name("not") && is(ahead(), TokenKind::kName, "in")) {
      at_ += 2;
      op = "not in";
    } else {
      if (!made) return first;
      measure(*made);
      return made;
    }
    if (!made) made = node(ExpressionKind::kCompare, line, std::move(first));
    made->operators.push_back(op);
    made->children.push_back(sum());
  }
}

ExpressionPtr ExpressionParser::sum() {
  return binary({"+", "-"}, [&] { return concatenation(); });
}

ExpressionPtr ExpressionParser::concatenation() {
  const int line = current().line;
  ExpressionPtr first = product();
  if (!is_op("~")) return first;
  ExpressionPtr made = node(ExpressionKind::kConcatenate, line, std::move(first));
  while (take_op("~")) made->children.push_back(product());
  measure(*made);
  return made;
}

ExpressionPtr ExpressionParser::product() {
  return binary({"*", "/", "//", "%"}, [&] { return binary({"**"}, [&] { return unary(true); }); });
}

ExpressionPtr ExpressionParser::unary(bool with_filters) {
  const Nest nest(*this);
  const int line = current().line;
  ExpressionPtr made;
  if (take_op("-"))
    made = node(ExpressionKind::kNegate, line, unary(false));
  else if (take_op("+"))
    made = node(ExpressionKind::kPlus, line, unary(false));
  else
    made = primary();
  made = postfix(std::move(made));
  return with_filters ? filters(std::move(made), false) : std::move(made);
}

ExpressionPtr ExpressionParser::primary() {
  const Token& token = current();
  ExpressionPtr made = node(ExpressionKind::kConstant, token.line);
  switch (token.kind) {
    case TokenKind::kName: {
      const std::string& name = next().text;
      if (name == "true" || name == "True") {
        made->constant = Value(true);
      } else if (name == "false" || name == "False") {
        made->constant = Value(false);
      } else if (name != "none" && name != "None") {
        made->kind = ExpressionKind::kName;
        made->name = name;
      }
      return made;
    }
    case TokenKind::kString: {
      std::string text;
      while (current().kind == TokenKind::kString) text += next().text;  // neighbours are one string
      made->constant = Value(std::move(text));
      return made;
    }
    case TokenKind::kInteger:
      made->constant = Value(next().integer);
      return made;
    case TokenKind::kFloat:
      made->constant = Value(next().number);
      return made;
    default:
      break;
  }
  if (take_op("(")) {
    made = tuple(true, true);
    expect_op(")");
  } else if (take_op("[")) {
    made->kind = ExpressionKind::kList;
    while (!is_op("]")) {
      if (!made->children.empty()) expect_op(",");
      if (is_op("]")) break;
      made->children.push_back(expression());
    }
    expect_op("]");
    measure(*made);
  } else if (take_op("{")) {
    made->kind = ExpressionKind::kDict;
    while (!is_op("}")) {
      if (!made->children.empty()) expect_op(",");
      if (is_op("}")) break;
      made->children.push_back(expression());
      expect_op(":");
      made->children.push_back(expression());
    }
    expect_op("}");
    measure(*made);
  } else {
    bad(fmt::format("expected an expression, found '{}'", describe()));
  }
  return made;
}

ExpressionPtr ExpressionParser::postfix(ExpressionPtr made) {
  for (;;) {
    const int line = current().line;
    if (take_op(".")) {
      if (current().kind == TokenKind::kInteger) {
        ExpressionPtr index = node(ExpressionKind::kConstant, line);
        index->constant = Value(next().integer);
        made = node(ExpressionKind::kItem, line, std::move(made), std::move(index));
      } else {
        made = node(ExpressionKind::kAttribute, line, std::move(made));
        made->name = expect_any_name();
      }
    } else if (take_op("[")) {
      made = subscript(std::move(made), line);
    } else if (is_op("(")) {
      made = node(ExpressionKind::kCall, line, std::move(made));
      made->call = call_arguments();
      measure(*made);
    } else {
      return made;
    }
  }
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr object, int line) {
  ExpressionPtr part[3];
  int colons = 0;
  while (!is_op("]")) {
    if (take_op(":")) {
      if (++colons > 2) bad("a slice has at most three parts");
      continue;
    }
    if (part[colons]) bad(fmt::format("expected ']', found '{}'", describe()));
    part[colons] = expression();
    if (is_op(",")) bad("subscripts with commas are not supported");
  }
  expect_op("]");
  if (colons > 0)
    return node(ExpressionKind::kSlice, line, std::move(object), std::move(part[0]), std::move(part[1]),
                std::move(part[2]));
  if (!part[0]) bad("expected a subscript");
  return node(ExpressionKind::kItem, line, std::move(object), std::move(part[0]));
}

CallArguments ExpressionParser::call_arguments() {
  CallArguments call;
  expect_op("(");
  for (bool first = true; !is_op(")"); first = false) {
    if (!first) expect_op(",");
    if (is_op(")")) break;
    if (take_op("**")) {
      if (call.star_star) bad("'**' stands twice");
      call.star_star = expression();
    } else if (take_op("*")) {
      if (call.star || call.star_star) bad("'*' is misplaced");
      call.star = expression();
    } else if (current().kind == TokenKind::kName && is(ahead(), TokenKind::kOperator, "=")) {
      if (call.star_star) bad("a named argument after '**'");
      std::string name = next().text;
      ++at_;
      for (const auto& known : call.named)
        if (known.first == name) bad(fmt::format("argument '{}' stands twice", name));
      call.named.emplace_back(std::move(name), expression());
    } else {
      if (!call.named.empty() || call.star || call.star_star) bad("a positional argument after a named one");
      call.positional.push_back(expression());
    }
  }
  expect_op(")");
  return call;
}

std::string ExpressionParser::dotted_name() {
  std::string name = expect_any_name();
  while (take_op(".")) name.append(1, '.').append(expect_any_name());
  return name;
}

ExpressionPtr ExpressionParser::filters(ExpressionPtr made, bool inline_first) {
  for (;;) {
    const int line = current().line;
    if (inline_first || take_op("|")) {
      inline_first = false;
      made = node(ExpressionKind::kFilter, line, std::move(made));
      made->name = dotted_name();
      if (is_op("(")) made->call = call_arguments();
      measure(*made);
    } else if (made && take_name("is")) {
      made = test(std::move(made), line);
    } else if (made && is_op("(")) {
      made = node(ExpressionKind::kCall, line, std::move(made));
      made->call = call_arguments();
      measure(*made);
    } else {
      return made;
    }
  }
}

ExpressionPtr ExpressionParser::test(ExpressionPtr made, int line) {
  const bool negated = take_name("not");
  made = node(ExpressionKind::kTest, line, std::move(made));
  made->name = dotted_name();
  const TokenKind kind = current().kind;
  const bool operand = kind == TokenKind::kName || kind == TokenKind::kString || kind == TokenKind::kInteger ||
                       kind == TokenKind::kFloat || is_op("[") || is_op("{");
  if (is_op("(")) {
    made->call = call_arguments();
  } else if (operand && !is_name("else") && !is_name("or") && !is_name("and")) {
    if (is_name("is")) bad("tests cannot be chained");
    const Nest nest(*this);
    // "x is divisibleby 3", but not "x is defined if ..."
    if (!(kind == TokenKind::kName && (is_name("if") || is_name("in") || is_name("not") || is_name("recursive"))))
      made->call.positional.push_back(postfix(primary()));
  }
  measure(*made);
  return negated ? node(ExpressionKind::kNot, line, std::move(made)) : std::move(made);
}

}  // namespace firstlight::text::jinja
