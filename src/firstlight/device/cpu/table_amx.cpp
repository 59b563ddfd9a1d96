// The kernels for machines with AMX; flags.cmake has this file's compiler flags.
#if defined(__x86_64__)
#define FL_ISA amx
#define FL_ISA_NAME "amx"
#define FL_TABLE kAmx
#include "firstlight/device/cpu/simd/amx.h"
//
#include "firstlight/device/cpu/simd/avx512vnni_integer.h"
//
#include "firstlight/device/cpu/kernels/table.h"
#endif
