// Token ids from a JSON file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace firstlight::app {

// A non-empty list of integers. Throws kBadInput naming the place.
std::vector<std::int32_t> read_ids(const std::filesystem::path& path);
// Throws kBadInput naming the first id outside the vocabulary.
void check_ids(const std::filesystem::path& path, std::span<const std::int32_t> ids, std::int64_t vocabulary);

}  // namespace firstlight::app
