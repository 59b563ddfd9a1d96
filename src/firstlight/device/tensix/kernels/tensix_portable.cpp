// The matrix kernels for portable machines; flags.cmake has this file's compiler flags.
#define FL_ISA portable
#define FL_ISA_NAME "portable"
#define FL_TABLE kPortableKernels
#include "firstlight/device/tensix/kernels/simd/portable.h"
//
#include "firstlight/device/tensix/kernels/table.h"
