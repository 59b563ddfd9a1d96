// Where the project's own data (policies/, targets/, boards/, models/) and a user's cache lie.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace firstlight {

// The folder that holds policies/, targets/, boards/: $FIRSTLIGHT_HOME, else ../share/firstlight beside the program,
// else the source tree it was built from. Throws kResource naming the places tried.
std::filesystem::path data_home();

// The *.json files of a folder of data_home(), by name; and their names without the ending.
std::vector<std::filesystem::path> data_files(const std::filesystem::path& folder);
std::vector<std::string> data_names(const std::filesystem::path& folder);

// $FIRSTLIGHT_CACHE, else $XDG_CACHE_HOME/firstlight, else ~/.cache/firstlight.
std::filesystem::path default_cache_dir();

}  // namespace firstlight
