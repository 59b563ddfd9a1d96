// Finding data and cache folders.
#include "firstlight/base/paths.h"

#include <algorithm>
#include <cstdlib>

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

std::vector<std::filesystem::path> data_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(data_home() / folder))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

std::vector<std::string> data_names(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& file : data_files(folder)) names.push_back(file.stem().string());
  return names;
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
