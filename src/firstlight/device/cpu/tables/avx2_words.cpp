// Linear products of bf16 by whole numbers, by AVX2. flags.cmake has this file's compiler flags.
#if defined(__x86_64__)
#define FL_ISA avx2
#define FL_TABLE(part) kAvx2##part
#include "firstlight/device/cpu/simd/avx2.h"
//
#include "firstlight/device/cpu/simd/avx2_words.h"
//
#include "firstlight/device/cpu/kernels/table_words.h"
#endif
