// The table of products of integers of one instruction set: included last by tables/<isa>_integers.cpp, which names it.
#pragma once

#include "firstlight/device/cpu/kernels/integer_bytes.h"
#if defined(FL_LANES)
#include "firstlight/device/cpu/kernels/integer_lanes.h"
#endif

namespace firstlight::device::cpu {

extern const IntegerKernels FL_TABLE(Integers);
const IntegerKernels FL_TABLE(Integers) = {.quantise = FL_ISA::quantise,
                                           .linear = FL_ISA::linear_integer<FL_ISA::ByteInputs>,
#if defined(FL_LANES)
                                           .least_lanes = FL_ISA::kLeastLanes,
                                           .quantise_lane = FL_ISA::quantise_lane,
                                           .lanes = FL_ISA::linear_lanes
#else
                                           .least_lanes = 0,
                                           .quantise_lane = nullptr,
                                           .lanes = nullptr
#endif
};

}  // namespace firstlight::device::cpu
