// The kernel tables that this machine can run, the emulated one included, as test parameters.
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
  if (has_simulated_avx512()) names.emplace_back("avx512_simde");
  return names;
}

inline std::unique_ptr<Device> open_table(const std::string& name, int threads) {
  if (name == "avx512_simde") return open_simulated_avx512(threads);
  return open_cpu({.threads = threads, .isa = name});
}

}  // namespace firstlight::device::cpu
