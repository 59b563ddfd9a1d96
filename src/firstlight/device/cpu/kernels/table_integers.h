// The table of products of integers of one instruction set: included last by tables/<isa>_integers.cpp, which names it.
#pragma once

#include "firstlight/device/cpu/kernels/integer.h"

namespace firstlight::device::cpu {

extern const IntegerKernels FL_TABLE(Integers);
const IntegerKernels FL_TABLE(Integers) = {.quantise = FL_ISA::quantise, .linear = FL_ISA::linear_integer};

}  // namespace firstlight::device::cpu
