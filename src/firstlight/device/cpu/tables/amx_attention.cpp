// Attention by AMX. flags.cmake has this file's compiler flags.
#if defined(__x86_64__)
#define FL_ISA amx
#define FL_TABLE(part) kAmx##part
#include "firstlight/device/cpu/simd/amx.h"
//
#include "firstlight/device/cpu/kernels/table_attention.h"
#endif
