// Attention of amx under SIMDe.
#include "device/cpu/simde.h"
//
#define FL_ISA amx_simde
#define FL_TABLE(part) kSimdeAmx##part
#include "firstlight/device/cpu/simd/amx.h"
//
#include "firstlight/device/cpu/kernels/table_attention.h"
