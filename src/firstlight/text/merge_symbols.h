// Joining of neighbouring symbols by a merge table.
#pragma once

#include <cstdint>
#include <span>

#include "firstlight/text/merge_table.h"

namespace firstlight::text {

// Joins until no pair has a merge, always the pair of the lowest rank, leftmost of those. The result stands at the
// front of `symbols`; returns how many there are.
std::size_t merge_symbols(const MergeTable& merges, std::span<std::int32_t> symbols);

}  // namespace firstlight::text
