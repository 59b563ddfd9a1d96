// The names nearest to a mistyped or unknown one.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace firstlight {

// Insertions, deletions, replacements and swaps of neighbours ("genreate") that make one of the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

// `names` sorted by distance, nearest first (stable), at most `count`.
std::vector<std::string> nearest_names(std::string_view given, std::vector<std::string> names, std::size_t count);

}  // namespace firstlight
