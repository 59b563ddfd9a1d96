// Prompts from a file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace firstlight::app {

// *.json: a list of strings, or of objects with "prompt". Any other file, and "-" (stdin): one prompt, without its last
// line break. Throws kBadInput naming the entry.
std::vector<std::string> read_prompts(const std::filesystem::path& path);

}  // namespace firstlight::app
