// The devices under test: one for each kernel table that this process can run.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "firstlight/device/contract.h"

namespace firstlight::parity {

struct TestDevice {
  std::string name;  // device, and table where there are several: letters, digits and '_'
  std::function<std::unique_ptr<device::Device>(int threads)> open;
  // It computes in f32 and is held to the reference's bound; an emulated chip rounds more, and is held to its own
  // arithmetic elsewhere (tests/device/tensix): here to a share of the result's size.
  bool bounded = true;
};

// Devices that only count are not among them.
std::vector<TestDevice> test_devices();

}  // namespace firstlight::parity
