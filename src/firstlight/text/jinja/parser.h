// Tokens -> syntax tree.
#pragma once

#include <string_view>

#include "firstlight/text/jinja/ast.h"

namespace firstlight::text::jinja {

// `source` is valid UTF-8. Throws kBadInput for a syntax error and kUnsupported for a statement of Jinja's that chat
// templates cannot use (import, extends, ...), naming `where` and the line.
Block parse_template(std::string_view source, std::string_view where);

}  // namespace firstlight::text::jinja
