// A parser's place in the tokens of a template: looking, taking, complaining; and the bound on nesting.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/base/error.h"
#include "firstlight/text/jinja/lexer.h"

namespace firstlight::text::jinja {

class TokenCursor {
 public:
  TokenCursor(std::string_view source, std::string_view where) : tokens_(tokenize(source, where)), where_(where) {}

 protected:
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
      case TokenKind::kVariableEnd:
        return "}}";
      case TokenKind::kBlockEnd:
        return "%}";
      case TokenKind::kEnd:
        return "end of template";
      default:
        return current().text;
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

  // Counts one construct inside others while it lives.
  struct Nest {
    explicit Nest(TokenCursor& cursor) : cursor(cursor) {
      if (++cursor.depth_ > kMaxDepth) cursor.bad("nested too deep");
    }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;
    ~Nest() { --cursor.depth_; }
    TokenCursor& cursor;
  };

  std::string_view where() const { return where_; }
  std::size_t at_ = 0;

 private:
  static constexpr int kMaxDepth = 100;

  std::vector<Token> tokens_;
  std::string_view where_;
  int depth_ = 0;
};

}  // namespace firstlight::text::jinja
