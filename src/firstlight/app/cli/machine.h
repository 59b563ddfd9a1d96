// Facts of the machine from /proc, /sys and /dev, for `doctor`.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace firstlight::app {

struct CpuFeature {
  std::string name;  // as /proc/cpuinfo spells it
  bool present = false;
};

struct Accelerator {
  std::vector<std::string> device_nodes;   // "/dev/tenstorrent/0"
  std::vector<std::string> pci_addresses;  // "0000:01:00.0"
  std::string driver;                      // the driver's own words, empty where none is loaded
  bool found() const { return !device_nodes.empty() || !pci_addresses.empty(); }
};

// Everything is read below `root` ("/"; a test gives a folder of its own). What cannot be read is left empty.
struct Machine {
  explicit Machine(const std::filesystem::path& root = "/");

  std::string cpu;
  std::vector<CpuFeature> features;  // those that kernels make use of
  std::vector<std::string> caches;   // "L1d 32K", of one core
  double memory_bytes = 0;
  Accelerator nvidia;
  Accelerator tenstorrent;
};

}  // namespace firstlight::app
