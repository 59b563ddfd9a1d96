// The device list: one line a device.
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "firstlight/base/error.h"
#include "firstlight/device/contract.h"
#include "firstlight/device/cpu/cpu.h"
#include "firstlight/device/null/null.h"
#include "firstlight/device/ref/ref.h"
#include "firstlight/device/tensix/tensix.h"

namespace firstlight::device {
namespace {

constexpr DeviceRow kDevices[] = {
    {"ref", "plain float32 with double sums: the meaning of every op", open_ref},
    {"cpu", "this machine at full speed: portable, AVX2 or AVX-512 kernels chosen at run time", open_cpu},
    {"null", "computes nothing, counts operations and bytes", open_null},
    {"tensix", "what a Wormhole or Blackhole chip computes, emulated bit by bit", open_tensix, true},
};

}  // namespace

std::span<const DeviceRow> devices() { return kDevices; }

std::string_view default_device() { return kDevices[1].name; }
std::string_view reference_device() { return kDevices[0].name; }
std::string_view counting_device() { return kDevices[2].name; }

std::unique_ptr<Device> open_device(std::string_view name, const OpenOptions& options) {
  const auto found = std::ranges::find(kDevices, name, &DeviceRow::name);
  if (found != std::end(kDevices)) {
    if (!found->emulates && !(options.arch.empty() && options.emulation.empty()))
      fail(Category::kUnsupported, options.arch.empty() ? "--emulation" : "--board", "'{}' emulates no board", name);
    return found->open(options);
  }
  std::vector<std::string_view> names;
  for (const DeviceRow& device : kDevices) names.push_back(device.name);
  fail(Category::kUsage, "--device", "no device is named '{}'; there are: {}", name, fmt::join(names, ", "));
}

}  // namespace firstlight::device
