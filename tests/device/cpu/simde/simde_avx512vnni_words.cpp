// Linear products of bf16 by whole numbers of avx512vnni under SIMDe.
#include "device/cpu/simde.h"
//
#define FL_ISA avx512vnni_simde
#define FL_TABLE(part) kSimdeVnni##part
#include "firstlight/device/cpu/simd/avx512.h"
//
#include "firstlight/device/cpu/simd/avx512vnni_words.h"
//
#include "firstlight/device/cpu/kernels/table_words.h"
