// Finding data and cache folders.
#include "firstlight/base/paths.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "firstlight/base/error.h"

namespace firstlight {

std::filesystem::path data_home() {
  std::vector<std::filesystem::path> places;
  if (const char* home = std::getenv("FIRSTLIGHT_HOME")) {
    places.emplace_back(home);
  } else {
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    if (!error) places.push_back(program.parent_path().parent_path() / "share" / "firstlight");
    places.emplace_back(FIRSTLIGHT_SOURCE_DATA);
  }
  std::string tried;
  for (const auto& place : places) {
    if (std::filesystem::is_directory(place / "policies")) return place;
    tried += (tried.empty() ? "" : ", ") + place.string();
  }
  fail(Category::kResource, "", "cannot find the folder with policies/ and targets/ (tried {}); set FIRSTLIGHT_HOME",
       tried);
}

std::filesystem::path default_cache_dir() {
  if (const char* cache = std::getenv("FIRSTLIGHT_CACHE")) return cache;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg != '\0')
    return std::filesystem::path(xdg) / "firstlight";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return std::filesystem::path(home) / ".cache" / "firstlight";
  return std::filesystem::temp_directory_path() / "firstlight-cache";
}

}  // namespace firstlight
