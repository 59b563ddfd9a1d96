// The AVX-512 and AMX kernels on machines without them: the same text, compiled against an emulation.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "firstlight/device/contract.h"
#include "firstlight/device/cpu/kernels.h"

namespace firstlight::device::cpu {

// Those that this machine can run: the emulation itself is compiled with AVX2, for its speed.
std::vector<std::string_view> simulated_tables();
const Kernels& simulated_kernels(std::string_view table);
std::unique_ptr<Device> open_simulated(std::string_view table, int threads);

}  // namespace firstlight::device::cpu
