// The table of rows of one instruction set: included last by tables/<isa>_rows.cpp, which names it.
#pragma once

#include "firstlight/device/cpu/kernels/elementwise.h"
#include "firstlight/device/cpu/kernels/norm.h"
#include "firstlight/device/cpu/kernels/stream.h"

namespace firstlight::device::cpu {

extern const RowKernels FL_TABLE(Rows);
const RowKernels FL_TABLE(Rows) = {
    .convert = FL_ISA::convert,
    .binary = FL_ISA::binary,
    .unary = FL_ISA::unary,
    .gated = FL_ISA::gated,
    .affine = FL_ISA::affine,
    .reduce = FL_ISA::reduce,
    .softmax = FL_ISA::softmax,
    .rms_norm = FL_ISA::rms_norm,
    .layer_norm = FL_ISA::layer_norm,
    .rope = FL_ISA::rope,
    .exponent_range = FL_ISA::exponent_range,
    .stream_sum = FL_ISA::stream_sum,
};

}  // namespace firstlight::device::cpu
