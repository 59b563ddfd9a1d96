// Linear products of integers by AVX-512 VNNI. flags.cmake has this file's compiler flags.
#if defined(__x86_64__)
#define FL_ISA avx512bf16
#define FL_TABLE(part) kAvx512Bf16##part
#include "firstlight/device/cpu/simd/avx512bf16.h"
//
#include "firstlight/device/cpu/simd/avx512vnni_integer.h"
//
#include "firstlight/device/cpu/kernels/table_integers.h"
#endif
