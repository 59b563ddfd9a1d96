// The instruction sets that the matrix kernels are compiled for.
#pragma once

#include <string_view>

#include "firstlight/device/tensix/kernels/kernels.h"

namespace firstlight::device::tensix {

// The kernels of this name, or the best that this machine runs. Throws kUsage for an unknown name, kUnsupported for one
// that this machine lacks.
const Kernels& choose_kernels(std::string_view isa);

}  // namespace firstlight::device::tensix
