// Optimal string alignment distance with three rolling rows.
#include "firstlight/base/nearest.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace firstlight {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> older(b.size() + 1);
  std::vector<std::size_t> old(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(older, old);
    std::swap(old, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = old[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, old[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], older[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::vector<std::string> nearest_names(std::string_view given, std::vector<std::string> names, std::size_t count) {
  std::map<std::string, std::size_t, std::less<>> distances;
  for (const std::string& name : names) distances[name] = edit_distance(given, name);
  std::ranges::stable_sort(names, {}, [&](const std::string& name) { return distances.find(name)->second; });
  names.resize(std::min(names.size(), count));
  return names;
}

}  // namespace firstlight
