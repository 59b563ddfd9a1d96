// JSON through nlohmann::ordered_json, with hostile input bounded: size, depth, and no duplicate keys.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

namespace firstlight {

using Json = nlohmann::ordered_json;

// Parses `text`; `where` names it in errors. Throws kBadInput with the byte position on a syntax error, nesting deeper
// than 128, or a key that stands twice in one object. NaN/Infinity literals are refused, as JSON has none.
Json parse_json(std::string_view text, std::string_view where);

// Reads and parses a file. Throws kBadInput.
Json read_json_file(const std::filesystem::path& path, std::size_t max_bytes = std::size_t{256} << 20);

}  // namespace firstlight
