// The AVX-512 kernels with BF16 and VNNI under SIMDe.
#include "device/cpu/simde.h"
//
#define FL_ISA avx512_simde
#define FL_ISA_NAME "avx512-simde"
#define FL_TABLE kAvx512Simde
#include "firstlight/device/cpu/simd/avx512bf16.h"
//
#include "firstlight/device/cpu/simd/avx512vnni_integer.h"
//
#include "firstlight/device/cpu/kernels/table.h"
