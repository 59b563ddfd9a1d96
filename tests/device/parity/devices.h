// The devices under test: one for each kernel table that this process can run, each chip and level of an emulation.
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
};

// Devices that only count are not among them.
std::vector<TestDevice> test_devices();

}  // namespace firstlight::parity
