// Linear products by AVX-512. flags.cmake has this file's compiler flags.
#if defined(__x86_64__)
#define FL_ISA avx512
#define FL_TABLE(part) kAvx512##part
#include "firstlight/device/cpu/simd/avx512.h"
//
#include "firstlight/device/cpu/kernels/table_products.h"
#endif
