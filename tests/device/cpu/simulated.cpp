// The device over the emulated table.
#include "device/cpu/simulated.h"

#include "firstlight/device/cpu/device.h"
#include "firstlight/device/cpu/rows.h"

namespace firstlight::device::cpu {

bool has_simulated_avx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
#else
  return false;
#endif
}

std::unique_ptr<Device> open_simulated_avx512(int threads) {
  const Isa isa{"avx512-simde", has_simulated_avx512, &kAvx512Simde, kRows<kAvx512Simde>};
  return std::make_unique<CpuDevice>(isa, threads);
}

}  // namespace firstlight::device::cpu
