// A template that can be rendered: the language of chat templates, after Jinja 3.1 in the environment that
// transformers gives it (trim_blocks, lstrip_blocks, immutable sandbox, break and continue, {% generation %}).
// Templates come from strangers: work, output, nesting and memory are bounded, and nothing outside is reachable.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "firstlight/base/json.h"
#include "firstlight/text/jinja/ast.h"
#include "firstlight/text/jinja/builtins.h"

namespace firstlight::text::jinja {

class Template {
 public:
  // Throws as parse_template does; `where` names the template in errors, here and in render().
  Template(std::string_view source, std::string where);

  // `variables` is a JSON object. Throws kBadInput for an error in the template (raise_exception included),
  // kUnsupported for a filter or test it lacks, kResource when the render does too much work; each names the line.
  std::string render(const Json& variables, const Clock& clock) const;

 private:
  std::string where_;
  Block block_;
};

}  // namespace firstlight::text::jinja
