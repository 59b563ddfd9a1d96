// A device that computes nothing: it counts operations and bytes of models of any size, on any machine.
#pragma once

#include <memory>

#include "firstlight/device/contract.h"

namespace firstlight::device {

std::unique_ptr<Device> open_null(const OpenOptions& options);

}  // namespace firstlight::device
