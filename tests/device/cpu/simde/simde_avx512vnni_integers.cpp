// Linear products of integers of avx512vnni under SIMDe.
#include "device/cpu/simde.h"
//
#define FL_ISA avx512vnni_simde
#define FL_TABLE(part) kSimdeVnni##part
#include "firstlight/device/cpu/simd/avx512.h"
//
#include "firstlight/device/cpu/simd/avx512vnni_integer.h"
//
#include "firstlight/device/cpu/kernels/table_integers.h"
