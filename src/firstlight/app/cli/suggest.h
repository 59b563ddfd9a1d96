// The nearest name to a mistyped one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace firstlight::app {

// Empty when none is near enough to be meant: further than a third of its length (and at least one) in Levenshtein
// edits, and neither the beginning of the other.
std::string nearest_name(std::string_view given, const std::vector<std::string>& names);

}  // namespace firstlight::app
