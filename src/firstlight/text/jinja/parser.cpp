// Statements of the template language; expressions are in expression_parser.cpp.
#include "firstlight/text/jinja/parser.h"

#include <initializer_list>
#include <utility>

#include "firstlight/text/jinja/expression_parser.h"

namespace firstlight::text::jinja {
namespace {

class Parser : private ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  Block run() { return statements({}); }

 private:
  using Names = std::initializer_list<std::string_view>;

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
      fail(Category::kUnsupported, fmt::format("{}: line {}", where(), made->line),
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
      if (name == "else")
        made->blocks.push_back(body("endif"));
      else
        end_tag();
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
      fail(Category::kUnsupported, fmt::format("{}: line {}", where(), current().line), "recursive loops");
    end_tag();
    ++loops_;
    made->blocks.push_back(statements({"else", "endfor"}));
    --loops_;
    if (next().text == "else")
      made->blocks.push_back(body("endfor"));
    else
      end_tag();
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

  int loops_ = 0;  // that the parser is inside of
};

}  // namespace

Block parse_template(std::string_view source, std::string_view where) { return Parser(source, where).run(); }

}  // namespace firstlight::text::jinja
