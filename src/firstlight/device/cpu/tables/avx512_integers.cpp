// Linear products of integers by AVX2, for machines with AVX-512 and no VNNI. flags.cmake has this file's compiler
// flags.
#if defined(__x86_64__)
#define FL_ISA avx512
#define FL_TABLE(part) kAvx512##part
#include "firstlight/device/cpu/simd/avx512.h"
//
#include "firstlight/device/cpu/simd/avx2_integer.h"
//
#include "firstlight/device/cpu/kernels/table_integers.h"
#endif
