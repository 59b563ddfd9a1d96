// JSON through nlohmann::ordered_json, with hostile input bounded: size, depth, and no duplicate keys.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace firstlight {

using Json = nlohmann::ordered_json;

// Parses `text`; `where` names it in errors. Throws kBadInput with the byte position on a syntax error, nesting deeper
// than 128, or a key that stands twice in one object. NaN/Infinity literals are refused, as JSON has none.
Json parse_json(std::string_view text, std::string_view where);

// Reads and parses a file. Throws kBadInput.
Json read_json_file(const std::filesystem::path& path, std::size_t max_bytes = std::size_t{256} << 20);

// The document as JSON: on one line, or a member a line with `indent` spaces a level. Bytes of a string that are not
// UTF-8 become U+FFFD; `ascii` escapes every character beyond ASCII.
std::string json_text(const Json& json, int indent = -1, bool ascii = false);

}  // namespace firstlight
