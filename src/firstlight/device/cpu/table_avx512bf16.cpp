// The kernels for avx512bf16 machines; flags.cmake has this file's compiler flags.
#if defined(__x86_64__)
#define FL_ISA avx512bf16
#define FL_ISA_NAME "avx512bf16"
#define FL_TABLE kAvx512Bf16
#include "firstlight/device/cpu/simd/avx512bf16.h"
//
#include "firstlight/device/cpu/simd/avx512vnni_integer.h"
//
#include "firstlight/device/cpu/kernels/table.h"
#endif
