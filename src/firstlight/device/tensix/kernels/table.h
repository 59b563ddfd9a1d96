// The table of one instruction set: included last by tensix_<isa>.cpp, which names it with FL_ISA and FL_TABLE.
#pragma once

#include "firstlight/device/tensix/kernels/matmul.h"
#include "firstlight/device/tensix/kernels/matmul_fast.h"
#include "firstlight/device/tensix/kernels/source.h"

namespace firstlight::device::tensix {

extern const Kernels FL_TABLE;
const Kernels FL_TABLE = {
    .isa = FL_ISA_NAME,
    .load_a = FL_ISA::load_a,
    .load_b = FL_ISA::load_b,
    .multiply = FL_ISA::multiply,
    .multiply_fast = FL_ISA::multiply_fast,
};

}  // namespace firstlight::device::tensix
