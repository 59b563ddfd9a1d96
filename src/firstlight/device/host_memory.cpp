// How much memory the host can still give: /proc/meminfo and cgroup limits.
#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

#include "firstlight/device/host.h"

namespace firstlight::device {
namespace {

namespace fs = std::filesystem;

// The number in a file that holds one; "max" and absent files give none.
std::optional<std::size_t> read_number(const fs::path& path) {
  std::ifstream file(path);
  std::size_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

// The number after `name` in a file of "name value" lines.
std::optional<std::size_t> read_field(const fs::path& path, std::string_view name) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with(name)) continue;
    const std::size_t digit = line.find_first_of("0123456789", name.size());
    if (digit != std::string::npos) return std::strtoull(line.c_str() + digit, nullptr, 10);
  }
  return std::nullopt;
}

// What one controller names its files.
struct Controller {
  const char* limit;
  const char* usage;
  const char* reclaimable;  // line of memory.stat: page cache that is given up first
};
constexpr Controller kV1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "};
constexpr Controller kV2{"memory.max", "memory.current", "inactive_file "};

std::size_t room_in(const fs::path& folder, const Controller& controller) {
  const auto limit = read_number(folder / controller.limit);
  const auto usage = read_number(folder / controller.usage);
  if (!limit || !usage) return std::numeric_limits<std::size_t>::max();
  const std::size_t reclaimable = read_field(folder / "memory.stat", controller.reclaimable).value_or(0);
  const std::size_t held = *usage - std::min(*usage, reclaimable);
  return *limit - std::min(*limit, held);
}

// The tightest of a group and its parents. A container may see only its own group, at the mount itself.
std::size_t room_along(const fs::path& mount, const std::string& group, const Controller& controller) {
  std::size_t room = room_in(mount, controller);
  fs::path folder = mount;
  for (const fs::path& part : fs::path(group).relative_path()) {
    folder /= part;
    room = std::min(room, room_in(folder, controller));
  }
  return room;
}

std::size_t cgroup_room(const fs::path& root) {
  std::size_t room = std::numeric_limits<std::size_t>::max();
  std::ifstream groups(root / "proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line)) {  // "hierarchy:controllers:path"
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) room = std::min(room, room_along(root / "sys/fs/cgroup", group, kV2));
    if (controllers == "memory") room = std::min(room, room_along(root / "sys/fs/cgroup/memory", group, kV1));
  }
  return room;
}

}  // namespace

std::size_t host_available_bytes(const std::filesystem::path& root) {
  const auto available_kib = read_field(root / "proc/meminfo", "MemAvailable:");
  const std::size_t available = available_kib ? *available_kib << 10 : std::numeric_limits<std::size_t>::max();
  return std::min(available, cgroup_room(root));
}

}  // namespace firstlight::device
