// Matchers written by hand for the split patterns that most byte-level vocabularies are published with: the same
// matches as the regular expression gives, without its engine.
#pragma once

#include <string_view>
#include <vector>

#include "firstlight/text/regex.h"

namespace firstlight::text {

// Appends all matches, left to right. `text` is valid UTF-8.
using SplitScanner = void (*)(std::string_view text, std::vector<Range>& matches);
// By the pattern's text; nullptr for any other pattern.
SplitScanner find_split_scanner(std::string_view pattern);

}  // namespace firstlight::text
