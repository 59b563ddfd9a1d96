// Linear products of integers by AVX-512 VNNI. flags.cmake has this file's compiler flags.
#if defined(__x86_64__)
#define FL_ISA avx512vnni
#define FL_TABLE(part) kAvx512Vnni##part
#include "firstlight/device/cpu/simd/avx512.h"
//
#include "firstlight/device/cpu/simd/avx512vnni_integer.h"
//
#include "firstlight/device/cpu/kernels/table_integers.h"
#endif
