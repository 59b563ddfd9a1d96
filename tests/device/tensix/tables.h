// The matrix kernels that this machine can run, the emulated AVX-512 ones included, as test parameters.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "firstlight/device/tensix/kernels/kernels.h"

namespace firstlight::device::tensix {

extern const Kernels kAvx512SimdeKernels;

inline std::vector<const Kernels*> tables() {
  std::vector<const Kernels*> found{&kPortableKernels};
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  if (avx2) found.insert(found.end(), {&kAvx2Kernels, &kAvx512SimdeKernels});  // the emulation is compiled with AVX2
  if (avx2 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0)
    found.push_back(&kAvx512Kernels);
#endif
  return found;
}

inline std::string table_name(const Kernels& kernels) {
  std::string name = kernels.isa;
  std::ranges::replace(name, '-', '_');
  return name;
}

}  // namespace firstlight::device::tensix
