// The table of products of bf16 by whole numbers of one instruction set: included last by tables/<isa>_words.cpp, which
// names it.
#pragma once

#include "firstlight/device/cpu/kernels/integer_words.h"

namespace firstlight::device::cpu {

extern const IntegerKernels FL_TABLE(Words);
const IntegerKernels FL_TABLE(Words) = {.quantise = FL_ISA::quantise_words,
                                        .linear = FL_ISA::linear_integer<FL_ISA::WordInputs>,
                                        .least_lanes = 0,
                                        .quantise_lane = nullptr,
                                        .lanes = nullptr};

}  // namespace firstlight::device::cpu
