// Linear products of bf16 by whole numbers, by AVX-512 VNNI. flags.cmake has this file's compiler flags.
#if defined(__x86_64__)
#define FL_ISA avx512vnni
#define FL_TABLE(part) kAvx512Vnni##part
#include "firstlight/device/cpu/simd/avx512.h"
//
#include "firstlight/device/cpu/simd/avx512vnni_words.h"
//
#include "firstlight/device/cpu/kernels/table_words.h"
#endif
