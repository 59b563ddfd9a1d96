// The probe of AVX512-BF16 dot products, in a file of its own because of its compiler flags.
#pragma once

#include <stdint.h>

namespace firstlight::device::cpu {

// Runs `count` rounds of independent dot-product instructions and returns their floating-point operations. Only for a
// machine that has them.
double bf16_dot_rounds(int64_t count, float* sink);

}  // namespace firstlight::device::cpu
