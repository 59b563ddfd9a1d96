// Recursive descent with Jinja's precedence: if-else, or, and, not, comparisons, + -, ~, * / // %, **, unary, postfix,
// filters and tests.
#include "firstlight/text/jinja/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "firstlight/base/error.h"
#include "firstlight/text/jinja/lexer.h"

namespace firstlight::text::jinja {
namespace {

constexpr int kMaxDepth = 100;       // of constructs in each other
constexpr int kMaxTreeDepth = 1000;  // a chain a + b + c ... is as deep as it is long, and trees are freed recursively

class Parser {
 public:
  Parser(std::string_view source, std::string_view where) : tokens_(tokenize(source, where)), where_(where) {}

  Block run() {
    Block block = statements({});
    return block;
  }

 private:
  using Names = std::initializer_list<std::string_view>;

  // ---- tokens ----
  const Token& current() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  const Token& next() {
    const Token& token = tokens_[at_];
    if (token.kind != TokenKind::kEnd) ++at_;
    return token;
  }
  static bool is(const Token& token, TokenKind kind, std::string_view text) {
    return token.kind == kind && token.text == text;
  }
  bool is_op(std::string_view text) const { return is(current(), TokenKind::kOperator, text); }
  bool is_name(std::string_view text) const { return is(current(), TokenKind::kName, text); }
  bool take_op(std::string_view text) {
    if (!is_op(text)) return false;
    ++at_;
    return true;
  }
  bool take_name(std::string_view text) {
    if (!is_name(text)) return false;
    ++at_;
    return true;
  }
  [[noreturn]] void bad(std::string_view message) const {
    fail(Category::kBadInput, fmt::format("{}: line {}", where_, current().line), "{}", message);
  }
  std::string describe() const {
    switch (current().kind) {
      case TokenKind::kVariableEnd: return "}}";
      case TokenKind::kBlockEnd: return "%}";
      case TokenKind::kEnd: return "end of template";
      default: return current().text;
    }
  }
  void expect_op(std::string_view text) {
    if (!take_op(text)) bad(fmt::format("expected '{}', found '{}'", text, describe()));
  }
  void expect(TokenKind kind, std::string_view text) {
    if (current().kind != kind) bad(fmt::format("expected '{}', found '{}'", text, describe()));
    ++at_;
  }
  std::string expect_any_name() {
    if (current().kind != TokenKind::kName) bad(fmt::format("expected a name, found '{}'", describe()));
    return next().text;
  }

  struct Nest {
    explicit Nest(Parser& parser) : parser(parser) {
      if (++parser.depth_ > kMaxDepth) parser.bad("nested too deep");
    }
    ~Nest() { --parser.depth_; }
    Parser& parser;
  };

  // ---- statements ----
  // Up to (not past) a block tag whose name is in `ends`; with no ends, up to the end of the template.
  Block statements(Names ends) {
    const Nest nest(*this);
    Block block;
    for (;;) {
      const Token& token = current();
      switch (token.kind) {
        case TokenKind::kEnd:
          if (ends.size() > 0) bad(fmt::format("'{}' is missing", *(ends.end() - 1)));
          return block;
        case TokenKind::kData: {
          auto data = make(StatementKind::kData);
          data->text = next().text;
          block.push_back(std::move(data));
          break;
        }
        case TokenKind::kVariableBegin: {
          auto output = make(StatementKind::kOutput);
          ++at_;
          output->expressions.push_back(tuple(true, false));
          expect(TokenKind::kVariableEnd, "}}");
          block.push_back(std::move(output));
          break;
        }
        default: {  // a block tag
          ++at_;
          if (current().kind != TokenKind::kName) bad("expected a statement after '{%'");
          for (const std::string_view end : ends)
            if (is_name(end)) return block;
          block.push_back(statement());
        }
      }
    }
  }

  std::unique_ptr<Statement> make(StatementKind kind) const {
    auto made = std::make_unique<Statement>();
    made->kind = kind;
    made->line = current().line;
    return made;
  }
  void end_tag() { expect(TokenKind::kBlockEnd, "%}"); }
  // The body of a tag that ends with `end`.
  Block body(std::string_view end) {
    end_tag();
    Block block = statements({end});
    ++at_;
    end_tag();
    return block;
  }

  std::unique_ptr<Statement> statement() {
    const std::string name = current().text;
    auto made = make(StatementKind::kGroup);
    ++at_;
    if (name == "if") return if_statement(std::move(made));
    if (name == "for") return for_statement(std::move(made));
    if (name == "set") return set_statement(std::move(made));
    if (name == "print") {
      made->kind = StatementKind::kOutput;
      made->expressions.push_back(expression());
      while (take_op(",")) made->expressions.push_back(expression());
      end_tag();
    } else if (name == "break" || name == "continue") {
      if (loops_ == 0) bad(fmt::format("'{}' outside of a loop", name));
      made->kind = name == "break" ? StatementKind::kBreak : StatementKind::kContinue;
      end_tag();
    } else if (name == "macro") {
      made->kind = StatementKind::kMacro;
      made->text = expect_any_name();
      made->parameters = signature();
      const int loops = std::exchange(loops_, 0);
      made->blocks.push_back(body("endmacro"));
      loops_ = loops;
    } else if (name == "call") {
      made->kind = StatementKind::kCallBlock;
      if (is_op("(")) made->parameters = signature();
      made->expressions.push_back(expression());
      if (made->expressions[0]->kind != ExpressionKind::kCall) bad("expected a call");
      const int loops = std::exchange(loops_, 0);
      made->blocks.push_back(body("endcall"));
      loops_ = loops;
    } else if (name == "filter") {
      made->kind = StatementKind::kFilterBlock;
      made->expressions.push_back(filters(nullptr, true));
      made->blocks.push_back(body("endfilter"));
    } else if (name == "with") {
      made->kind = StatementKind::kWith;
      while (current().kind != TokenKind::kBlockEnd) {
        if (!made->parameters.empty()) expect_op(",");
        Parameter parameter{expect_any_name(), nullptr};
        expect_op("=");
        parameter.value = expression();
        made->parameters.push_back(std::move(parameter));
      }
      made->blocks.push_back(body("endwith"));
    } else if (name == "generation") {
      made->blocks.push_back(body("endgeneration"));
    } else if (name == "include" || name == "import" || name == "from" || name == "extends" || name == "block" ||
               name == "autoescape" || name == "trans" || name == "do") {
      fail(Category::kUnsupported, fmt::format("{}: line {}", where_, made->line),
           "statement '{}' has no place in a chat template", name);
    } else {
      bad(fmt::format("unknown statement '{}'", name));
    }
    return made;
  }

  std::unique_ptr<Statement> if_statement(std::unique_ptr<Statement> made) {
    made->kind = StatementKind::kIf;
    for (;;) {
      made->expressions.push_back(tuple(false, false));
      end_tag();
      made->blocks.push_back(statements({"elif", "else", "endif"}));
      const std::string name = next().text;
      if (name == "elif") continue;
      if (name == "else") made->blocks.push_back(body("endif"));
      else end_tag();
      return made;
    }
  }

  std::unique_ptr<Statement> for_statement(std::unique_ptr<Statement> made) {
    made->kind = StatementKind::kFor;
    made->target = target(false);
    if (!take_name("in")) bad("expected 'in'");
    made->expressions.push_back(tuple(false, false));
    made->expressions.push_back(take_name("if") ? expression() : nullptr);
    if (is_name("recursive"))
      fail(Category::kUnsupported, fmt::format("{}: line {}", where_, current().line), "recursive loops");
    end_tag();
    ++loops_;
    made->blocks.push_back(statements({"else", "endfor"}));
    --loops_;
    if (next().text == "else") made->blocks.push_back(body("endfor"));
    else end_tag();
    return made;
  }

  std::unique_ptr<Statement> set_statement(std::unique_ptr<Statement> made) {
    made->target = target(true);
    if (take_op("=")) {
      made->kind = StatementKind::kSet;
      made->expressions.push_back(tuple(true, false));
      end_tag();
    } else {
      made->kind = StatementKind::kSetBlock;
      made->expressions.push_back(is_op("|") ? filters(nullptr, false) : nullptr);
      made->blocks.push_back(body("endset"));
    }
    return made;
  }

  Target target(bool with_namespace) {
    const Nest nest(*this);
    std::vector<Target> parts;
    bool is_tuple = false;
    do {
      if (current().kind != TokenKind::kName && !is_op("(")) break;
      Target part;
      if (take_op("(")) {
        part = target(with_namespace);
        expect_op(")");
      } else {
        if (is_name("in") && is_tuple) break;
        part.name = expect_any_name();
        if (part.name == "true" || part.name == "false" || part.name == "none" || part.name == "True" ||
            part.name == "False" || part.name == "None" || (part.name == "loop" && !with_namespace))
          bad(fmt::format("cannot assign to '{}'", part.name));
        if (with_namespace && take_op(".")) part.attribute = expect_any_name();
      }
      parts.push_back(std::move(part));
      if (!take_op(",")) break;
      is_tuple = true;
    } while (true);
    if (parts.empty()) bad(fmt::format("expected a name to assign to, found '{}'", describe()));
    if (!is_tuple) return std::move(parts[0]);
    Target tuple;
    tuple.parts = std::move(parts);
    return tuple;
  }

  std::vector<Parameter> signature() {
    std::vector<Parameter> parameters;
    expect_op("(");
    while (!is_op(")")) {
      if (!parameters.empty()) expect_op(",");
      Parameter parameter{expect_any_name(), nullptr};
      if (take_op("="))
        parameter.value = expression();
      else if (!parameters.empty() && parameters.back().value)
        bad("a parameter without a default after one with a default");
      parameters.push_back(std::move(parameter));
    }
    expect_op(")");
    return parameters;
  }

  // ---- expressions ----
  ExpressionPtr node(ExpressionKind kind, int line) const {
    auto made = std::make_unique<Expression>();
    made->kind = kind;
    made->line = line;
    return made;
  }
  template <typename... Children>
  ExpressionPtr node(ExpressionKind kind, int line, Children... children) const {
    auto made = node(kind, line);
    (made->children.push_back(std::move(children)), ...);
    measure(*made);
    return made;
  }
  // Sets the depth of a tree whose children are complete.
  void measure(Expression& made) const {
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

  ExpressionPtr expression() {
    const Nest nest(*this);
    return conditional();
  }

  // One expression, or several with commas between them. `with_condition`: inline ifs are allowed.
  ExpressionPtr tuple(bool with_condition, bool in_parentheses) {
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

  ExpressionPtr conditional() {
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

  ExpressionPtr disjunction() {
    ExpressionPtr left = conjunction();
    for (int line = current().line; take_name("or"); line = current().line)
      left = node(ExpressionKind::kOr, line, std::move(left), conjunction());
    return left;
  }
  ExpressionPtr conjunction() {
    ExpressionPtr left = negation();
    for (int line = current().line; take_name("and"); line = current().line)
      left = node(ExpressionKind::kAnd, line, std::move(left), negation());
    return left;
  }
  ExpressionPtr negation() {
    const Nest nest(*this);
    const int line = current().line;
    if (take_name("not")) return node(ExpressionKind::kNot, line, negation());
    return comparison();
  }

  ExpressionPtr comparison() {
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
  ExpressionPtr sum() {
    return binary({"+", "-"}, [&] { return concatenation(); });
  }
  ExpressionPtr concatenation() {
    const int line = current().line;
    ExpressionPtr first = product();
    if (!is_op("~")) return first;
    ExpressionPtr made = node(ExpressionKind::kConcatenate, line, std::move(first));
    while (take_op("~")) made->children.push_back(product());
    measure(*made);
    return made;
  }
  ExpressionPtr product() {
    return binary({"*", "/", "//", "%"}, [&] { return binary({"**"}, [&] { return unary(true); }); });
  }

  ExpressionPtr unary(bool with_filters) {
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

  ExpressionPtr primary() {
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
      case TokenKind::kInteger: made->constant = Value(next().integer); return made;
      case TokenKind::kFloat: made->constant = Value(next().number); return made;
      default: break;
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

  ExpressionPtr postfix(ExpressionPtr made) {
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

  ExpressionPtr subscript(ExpressionPtr object, int line) {
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

  CallArguments call_arguments() {
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

  std::string dotted_name() {
    std::string name = expect_any_name();
    while (take_op(".")) name += "." + expect_any_name();
    return name;
  }

  // Filters, tests and calls after an expression. `inline_first`: the first filter has no '|' (a filter block).
  ExpressionPtr filters(ExpressionPtr made, bool inline_first) {
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

  ExpressionPtr test(ExpressionPtr made, int line) {
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

  std::vector<Token> tokens_;
  std::string_view where_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int loops_ = 0;
};

}  // namespace

Block parse_template(std::string_view source, std::string_view where) { return Parser(source, where).run(); }

}  // namespace firstlight::text::jinja
