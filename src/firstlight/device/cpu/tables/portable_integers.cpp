// Linear products of integers in plain C++. flags.cmake has this file's compiler flags.
#define FL_ISA portable
#define FL_TABLE(part) kPortable##part
#include "firstlight/device/cpu/simd/portable.h"
//
#include "firstlight/device/cpu/simd/portable_integer.h"
//
#include "firstlight/device/cpu/kernels/table_integers.h"
