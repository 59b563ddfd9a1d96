// The tensix device: what a Wormhole or Blackhole chip computes, emulated on the host (docs/tensix.md).
#pragma once

#include <memory>

#include "firstlight/device/contract.h"

namespace firstlight::device {

// `options.arch` names the chip ("wormhole" when empty), `options.emulation` the level: exact (when empty) or fast.
std::unique_ptr<Device> open_tensix(const OpenOptions& options);

}  // namespace firstlight::device
