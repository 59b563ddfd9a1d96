// Reading /proc, /sys and /dev.
#include "firstlight/app/cli/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

namespace firstlight::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFeatures[] = {"avx2",       "fma",         "f16c",     "avx512f",  "avx512bw", "avx512_vnni",
                                     "avx512vbmi", "avx512_bf16", "avx_vnni", "amx_tile", "amx_bf16"};
constexpr const char* kNvidiaVendor = "0x10de";
constexpr const char* kTenstorrentVendor = "0x1e52";

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  line.erase(line.find_last_not_of(" \t\r\n") + 1);
  return line;
}

// The text after "name :" of the first such line.
std::string field(const fs::path& path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (!line.starts_with(name) || colon == std::string::npos) continue;
    const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    paths.push_back(entry->path());
  std::ranges::sort(paths);
  return paths;
}

std::vector<std::string> pci_of_vendor(const fs::path& root, std::string_view vendor) {
  std::vector<std::string> addresses;
  for (const fs::path& device : entries(root / "sys/bus/pci/devices"))
    if (first_line(device / "vendor") == vendor) addresses.push_back(device.filename().string());
  return addresses;
}

std::vector<std::string> caches(const fs::path& root) {
  std::vector<std::string> found;
  for (const fs::path& index : entries(root / "sys/devices/system/cpu/cpu0/cache")) {
    const std::string level = first_line(index / "level");
    const std::string size = first_line(index / "size");
    const std::string type = first_line(index / "type");
    if (level.empty() || size.empty()) continue;
    found.push_back(fmt::format("L{}{} {}", level, type == "Data" ? "d" : type == "Instruction" ? "i" : "", size));
  }
  return found;
}

}  // namespace

Machine::Machine(const fs::path& root) {
  cpu = field(root / "proc/cpuinfo", "model name");
  std::istringstream words(field(root / "proc/cpuinfo", "flags"));
  std::set<std::string> flags;
  for (std::string word; words >> word;) flags.insert(word);
  for (const char* name : kFeatures) features.push_back({name, flags.contains(name)});
  caches = app::caches(root);
  std::istringstream memory(field(root / "proc/meminfo", "MemTotal"));
  double kib = 0;
  memory >> kib;
  memory_bytes = kib * 1024;

  for (const fs::path& node : entries(root / "dev")) {
    const std::string name = node.filename().string();
    const bool card = name.starts_with("nvidia") && name.size() > 6 &&
                      std::all_of(name.begin() + 6, name.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    if (card) nvidia.device_nodes.push_back("/dev/" + name);
  }
  nvidia.pci_addresses = pci_of_vendor(root, kNvidiaVendor);
  nvidia.driver = field(root / "proc/driver/nvidia/version", "NVRM version");
  for (const fs::path& node : entries(root / "dev/tenstorrent"))
    tenstorrent.device_nodes.push_back("/dev/tenstorrent/" + node.filename().string());
  tenstorrent.pci_addresses = pci_of_vendor(root, kTenstorrentVendor);
  tenstorrent.driver = first_line(root / "sys/module/tenstorrent/version");
}

}  // namespace firstlight::app
