// Expressions of the template language, with Jinja's precedence: if-else, or, and, not, comparisons, + -, ~, * / // %,
// **, unary, postfix, filters and tests.
#pragma once

#include <initializer_list>

#include "firstlight/text/jinja/ast.h"
#include "firstlight/text/jinja/token_cursor.h"

namespace firstlight::text::jinja {

class ExpressionParser : public TokenCursor {
 public:
  using TokenCursor::TokenCursor;

 protected:
  ExpressionPtr node(ExpressionKind kind, int line) const;
  template <typename... Children>
  ExpressionPtr node(ExpressionKind kind, int line, Children... children) const {
    auto made = node(kind, line);
    (made->children.push_back(std::move(children)), ...);
    measure(*made);
    return made;
  }
  // Sets the depth of a tree whose children are complete.
  void measure(Expression& made) const;
  ExpressionPtr expression();
  // One expression, or several with commas between them. `with_condition`: inline ifs are allowed.
  ExpressionPtr tuple(bool with_condition, bool in_parentheses);
  ExpressionPtr conditional();
  ExpressionPtr disjunction();
  ExpressionPtr conjunction();
  ExpressionPtr negation();
  ExpressionPtr comparison();
  template <typename Operand>
  ExpressionPtr binary(std::initializer_list<std::string_view> signs, Operand operand) {
    ExpressionPtr left = operand();
    for (;;) {
      const auto sign = std::find_if(signs.begin(), signs.end(), [&](std::string_view s) { return is_op(s); });
      if (sign == signs.end()) return left;
      const int line = next().line;
      left = node(ExpressionKind::kBinary, line, std::move(left), operand());
      left->name = *sign;
    }
  }
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr unary(bool with_filters);
  ExpressionPtr primary();
  ExpressionPtr postfix(ExpressionPtr made);
  ExpressionPtr subscript(ExpressionPtr object, int line);
  CallArguments call_arguments();
  std::string dotted_name();
  // Filters, tests and calls after an expression. `inline_first`: the first filter has no '|' (a filter block).
  ExpressionPtr filters(ExpressionPtr made, bool inline_first);
  ExpressionPtr test(ExpressionPtr made, int line);
};

}  // namespace firstlight::text::jinja
