// Where the project's own data (policies/, targets/, boards/, models/) and a user's cache lie.
#pragma once

#include <filesystem>
#include <string_view>

namespace firstlight {

// The folder that holds policies/, targets/, boards/: $FIRSTLIGHT_HOME, else ../share/firstlight beside the program,
// else the source tree it was built from. Throws kResource naming the places tried.
std::filesystem::path data_home();

// $FIRSTLIGHT_CACHE, else $XDG_CACHE_HOME/firstlight, else ~/.cache/firstlight.
std::filesystem::path default_cache_dir();

}  // namespace firstlight
