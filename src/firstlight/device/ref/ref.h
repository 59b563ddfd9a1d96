// The reference device: the meaning of every op, in plain loops over float32 storage with double sums.
#pragma once

#include <memory>

#include "firstlight/device/contract.h"

namespace firstlight::device {

std::unique_ptr<Device> open_ref(const OpenOptions& options);

}  // namespace firstlight::device
