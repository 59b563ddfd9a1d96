// Rows of activations of avx512 under SIMDe.
#include "device/cpu/simde.h"
//
#define FL_ISA avx512_simde
#define FL_TABLE(part) kSimde##part
#include "firstlight/device/cpu/simd/avx512.h"
//
#include "firstlight/device/cpu/kernels/table_rows.h"
