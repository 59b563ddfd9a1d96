// The kernel tables that this machine can run, the emulated ones included, as test parameters.
#pragma once

#include <string>
#include <vector>

#include "device/cpu/simulated.h"
#include "firstlight/device/cpu/cpu.h"
#include "firstlight/device/cpu/isa.h"

namespace firstlight::device::cpu {

inline std::vector<std::string> tables() {
  std::vector<std::string> names;
  for (const Isa& isa : isas())
    if (isa.usable()) names.emplace_back(isa.name);
  for (const std::string_view table : simulated_tables()) names.emplace_back(table);
  return names;
}

inline std::unique_ptr<Device> open_table(const std::string& name, int threads) {
  for (const std::string_view table : simulated_tables())
    if (table == name) return open_simulated(table, threads);
  return open_cpu({.threads = threads, .isa = name});
}

}  // namespace firstlight::device::cpu
