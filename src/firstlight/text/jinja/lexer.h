// Template source -> tokens, with trim_blocks and lstrip_blocks on, as chat templates are read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace firstlight::text::jinja {

enum class TokenKind {
  kData,           // text between tags
  kVariableBegin,  // {{
  kVariableEnd,    // }}
  kBlockBegin,     // {%
  kBlockEnd,       // %}
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind;
  int line;
  std::string text;  // data, name, string value, operator
  std::int64_t integer = 0;
  double number = 0;
};

// `source` is valid UTF-8. Throws kBadInput naming `where` and the line.
std::vector<Token> tokenize(std::string_view source, std::string_view where);

}  // namespace firstlight::text::jinja
