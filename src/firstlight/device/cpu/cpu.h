// This machine as a device: portable, AVX2 or AVX-512 kernels, chosen when it is opened.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "firstlight/device/contract.h"

namespace firstlight::device {

// OpenOptions.isa: "portable", "avx2", "avx512", "avx512vnni", "avx512bf16" or "amx"; empty for the best that this
// machine has.
std::unique_ptr<Device> open_cpu(const OpenOptions& options);

// The kernel tables that this machine can run, best first.
std::vector<std::string> usable_isas();

}  // namespace firstlight::device
