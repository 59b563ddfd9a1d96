// The matrix kernels for avx512 machines; flags.cmake has this file's compiler flags.
#if defined(__x86_64__)
#define FL_ISA avx512
#define FL_ISA_NAME "avx512"
#define FL_TABLE kAvx512Kernels
#include "firstlight/device/tensix/kernels/simd/avx512.h"
//
#include "firstlight/device/tensix/kernels/table.h"
#endif
