// Edit distance over a list of names.
#include "firstlight/app/cli/suggest.h"

#include <algorithm>

#include "firstlight/base/nearest.h"

namespace firstlight::app {
std::string nearest_name(std::string_view given, const std::vector<std::string>& names) {
  constexpr std::size_t kLongest = 64;
  if (given.empty() || given.size() > kLongest) return "";
  std::string best;
  std::size_t fewest = kLongest;
  for (const std::string& name : names) {
    const std::size_t distance = name.starts_with(given) ? 1 : edit_distance(given, name);
    if (distance < fewest) {
      fewest = distance;
      best = name;
    }
  }
  return fewest <= std::max<std::size_t>(1, best.size() / 3) ? best : "";
}

}  // namespace firstlight::app
