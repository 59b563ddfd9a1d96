// The AVX-512 kernels on machines without AVX-512: the same text, compiled against SIMDe's emulation.
#pragma once

#include <memory>

#include "firstlight/device/contract.h"
#include "firstlight/device/cpu/kernels.h"

namespace firstlight::device::cpu {

extern const Kernels kAvx512Simde;

// Whether this machine can run them: the emulation itself is compiled with AVX2, for its speed.
bool has_simulated_avx512();
std::unique_ptr<Device> open_simulated_avx512(int threads);

}  // namespace firstlight::device::cpu
