// Reading ids.json.
#include "firstlight/app/cli/ids.h"

#include <fmt/format.h>

#include <limits>

#include "firstlight/base/error.h"
#include "firstlight/base/json.h"

namespace firstlight::app {

std::vector<std::int32_t> read_ids(const std::filesystem::path& path) {
  const Json json = read_json_file(path);
  if (!json.is_array())
    fail(Category::kBadInput, path.string(), "expected a list of token ids, found {}", json.type_name());
  if (json.empty()) fail(Category::kBadInput, path.string(), "the list of token ids is empty");
  std::vector<std::int32_t> ids;
  ids.reserve(json.size());
  for (const Json& id : json) {
    const bool fits = id.is_number_unsigned() && id.get<std::uint64_t>() <= std::numeric_limits<std::int32_t>::max();
    if (!fits)
      fail(Category::kBadInput, fmt::format("{}: entry {}", path.string(), ids.size()),
           "expected a token id (an integer from 0), found {}", json_text(id, -1, true).substr(0, 40));
    ids.push_back(id.get<std::int32_t>());
  }
  return ids;
}

void check_ids(const std::filesystem::path& path, std::span<const std::int32_t> ids, std::int64_t vocabulary) {
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (ids[i] < 0 || ids[i] >= vocabulary)
      fail(Category::kBadInput, fmt::format("{}: entry {}", path.string(), i),
           "token id {} is outside the vocabulary of {}", ids[i], vocabulary);
}

}  // namespace firstlight::app
