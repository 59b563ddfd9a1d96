// Every device of the list that computes, and further tables of a device by a line each.
#include "device/parity/devices.h"

#include <fmt/format.h>

#include "device/cpu/simulated.h"
#include "firstlight/device/cpu/cpu.h"

namespace firstlight::parity {
namespace {

TestDevice with_isa(std::string_view device, const std::string& isa) {
  std::string name(device);
  if (!isa.empty()) name += '_' + isa;
  return {name, [device, isa](int threads) { return device::open_device(device, {.threads = threads, .isa = isa}); }};
}

TestDevice emulation(std::string_view device, const std::string& arch, const std::string& level) {
  return {fmt::format("{}_{}_{}", device, arch, level), [device, arch, level](int threads) {
            return device::open_device(device, {.threads = threads, .arch = arch, .emulation = level});
          }};
}

}  // namespace

std::vector<TestDevice> test_devices() {
  std::vector<TestDevice> result;
  for (const device::DeviceRow& row : device::devices())
    if (row.name != "cpu" && row.open({.threads = 1})->capabilities().computes)
      result.push_back(with_isa(row.name, ""));
  for (const device::DeviceRow& row : device::devices()) {
    if (!row.emulates) continue;
    result.push_back(emulation(row.name, "blackhole", "exact"));
    result.push_back(emulation(row.name, "wormhole", "fast"));
  }
  for (const std::string& isa : device::usable_isas()) result.push_back(with_isa("cpu", isa));
  for (const std::string_view table : device::cpu::simulated_tables())
    result.push_back(
        {fmt::format("cpu_{}", table), [table](int threads) { return device::cpu::open_simulated(table, threads); }});
  return result;
}

}  // namespace firstlight::parity
