// The kernels for avx512 machines; flags.cmake has this file's compiler flags.
#if defined(__x86_64__)
#define FL_ISA avx512
#define FL_ISA_NAME "avx512"
#define FL_TABLE kAvx512
#include "firstlight/device/cpu/simd/avx512.h"
//
#include "firstlight/device/cpu/simd/avx2_integer.h"
//
#include "firstlight/device/cpu/kernels/table.h"
#endif
