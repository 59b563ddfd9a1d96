// Edit distance over a list of names.
#include "firstlight/app/cli/suggest.h"

#include <algorithm>
#include <numeric>

namespace firstlight::app {
namespace {

// Insertions, deletions, replacements and swaps of neighbours ("genreate").
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> rows(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) rows[i][0] = i;
  std::iota(rows[0].begin(), rows[0].end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      rows[i][j] = std::min({replaced, rows[i - 1][j] + 1, rows[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[a.size()][b.size()];
}

}  // namespace

std::string nearest_name(std::string_view given, const std::vector<std::string>& names) {
  constexpr std::size_t kLongest = 64;
  if (given.empty() || given.size() > kLongest) return "";
  std::string best;
  std::size_t fewest = kLongest;
  for (const std::string& name : names) {
    const std::size_t distance = name.starts_with(given) ? 1 : edits(given, name);
    if (distance < fewest) {
      fewest = distance;
      best = name;
    }
  }
  return fewest <= std::max<std::size_t>(1, best.size() / 3) ? best : "";
}

}  // namespace firstlight::app
