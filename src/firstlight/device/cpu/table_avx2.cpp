// The kernels for avx2 machines; flags.cmake has this file's compiler flags.
#if defined(__x86_64__)
#define FL_ISA avx2
#define FL_ISA_NAME "avx2"
#define FL_TABLE kAvx2
#include "firstlight/device/cpu/simd/avx2.h"
//
#include "firstlight/device/cpu/simd/avx2_integer.h"
//
#include "firstlight/device/cpu/kernels/table.h"
#endif
