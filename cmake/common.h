// What nearly every source includes, precompiled for all rooms to shorten the build. No source relies on it; each
// includes what it uses (the fuzz preset builds without).
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
