// Reading prompt files.
#include "firstlight/app/cli/prompts.h"

#include <fmt/format.h>

#include <iostream>
#include <iterator>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/base/json.h"

namespace firstlight::app {
namespace {

std::vector<std::string> from_json(const std::filesystem::path& path) {
  const Json json = read_json_file(path);
  if (!json.is_array() || json.empty())
    fail(Category::kBadInput, path.string(), "expected a list of prompts: strings, or objects with \"prompt\"");
  std::vector<std::string> prompts;
  for (const Json& entry : json) {
    const std::string where = fmt::format("{}: entry {}", path.string(), prompts.size());
    const auto found = entry.is_object() ? entry.find("prompt") : entry.end();
    const Json& text = entry.is_object() && found != entry.end() ? *found : entry;
    if (!text.is_string()) fail(Category::kBadInput, where, "expected a string, or an object with a text \"prompt\"");
    if (entry.is_object() && entry.contains("context"))
      fail(Category::kUnsupported, where, "\"context\" names text to be fetched; put that text into \"prompt\"");
    prompts.push_back(text.get<std::string>());
  }
  return prompts;
}

}  // namespace

std::vector<std::string> read_prompts(const std::filesystem::path& path) {
  if (path.extension() == ".json") return from_json(path);
  std::string text = path == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : read_text_file(path);
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty()) fail(Category::kBadInput, path.string(), "the prompt is empty");
  return {std::move(text)};
}

}  // namespace firstlight::app
