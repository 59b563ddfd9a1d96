// Runs a case on a device and compares what comes back with the reference.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device/parity/case.h"
#include "firstlight/tensor/tensor.h"

namespace firstlight::parity {

// The operands of a case in host memory, the same for every device.
struct HostOperand {
  Operand description;
  HostTensor memory;  // the wider tensor of a slice; weights as f32 in logical order
  View view;          // into `memory`
};
struct HostCase {
  Case description;
  std::vector<HostOperand> in;
  std::vector<HostOperand> state;  // one for in-place ops
};
HostCase prepare(const Case& description);

struct RunOptions {
  device::Phase phase = device::Phase::kPrefill;
  std::int64_t batch = 0;    // rows a call; 0: all in one
  std::string setting = {};  // of the device's kernels, by its name in policies
};

// The result in the device's own bytes (row layout), and its values. `declined` says why the device does not run the
// case, in words; run falls back there.
struct Outcome {
  std::string declined;
  Shape shape;
  Format format = Format::f32;
  std::vector<std::byte> bytes;
  std::vector<float> values;
};
Outcome run_case(device::Device& device, const HostCase& host, const RunOptions& options = {});

// The reference's values, stored in f32, with the bound of every element for a device that stores `out`: `device`'s
// own, or that of float32 arithmetic.
struct Expected {
  Shape shape;
  std::vector<float> values;
  std::vector<double> bound;
  bool in_place = false;
};
Expected expected(const HostCase& host, const device::Device* device = nullptr, const std::string& setting = {});

// Empty, or the first thing that is wrong: shape, NaN or infinity, then the element that is furthest beyond its bound.
std::string compare(const Expected& expected, const Outcome& outcome);

}  // namespace firstlight::parity
