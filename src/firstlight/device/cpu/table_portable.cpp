// The kernels for portable machines; flags.cmake has this file's compiler flags.
#define FL_ISA portable
#define FL_ISA_NAME "portable"
#define FL_TABLE kPortable
#include "firstlight/device/cpu/simd/portable.h"
//
#include "firstlight/device/cpu/simd/portable_integer.h"
//
#include "firstlight/device/cpu/kernels/table.h"
