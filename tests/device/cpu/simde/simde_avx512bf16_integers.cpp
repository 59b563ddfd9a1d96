// Linear products of integers of avx512bf16 under SIMDe.
#include "device/cpu/simde.h"
//
#define FL_ISA avx512bf16_simde
#define FL_TABLE(part) kSimdeBf16##part
#include "firstlight/device/cpu/simd/avx512bf16.h"
//
#include "firstlight/device/cpu/simd/avx512vnni_integer.h"
//
#include "firstlight/device/cpu/kernels/table_integers.h"
