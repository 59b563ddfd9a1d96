// The table of attention of one instruction set: included last by tables/<isa>_attention.cpp, which names it.
#pragma once

#include "firstlight/device/cpu/kernels/attention.h"

namespace firstlight::device::cpu {

extern const AttentionKernels FL_TABLE(Attention);
const AttentionKernels FL_TABLE(Attention) = {.queries = FL_ISA::kQueries,
                                              .value_pairs = FL_ISA::kHasPairs,
                                              .multiply = FL_ISA::multiply,
                                              .attention = FL_ISA::attention};

}  // namespace firstlight::device::cpu
