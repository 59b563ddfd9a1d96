// The device: its description, and weights as views.
#include "firstlight/device/cpu/cpu.h"

#include <fstream>

#include "firstlight/base/error.h"
#include "firstlight/device/cpu/device.h"
#include "firstlight/device/cpu/pack.h"

namespace firstlight::device {
namespace cpu {
namespace {

// "model name" of /proc/cpuinfo.
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (line.starts_with("model name") && colon != std::string::npos && colon + 2 < line.size())
      return line.substr(colon + 2);
  }
  return "processor of unknown name";
}

}  // namespace

CpuDevice::CpuDevice(const Isa& isa, int threads) : HostDevice(threads), isa_(isa) {
  const int count = executor().threads();
  description_ = {
      .name = "cpu",
      .summary = fmt::format("{}, {}, {} thread{}", processor_name(), isa_.name, count, count == 1 ? "" : "s"),
      .isa = std::string(isa_.name)};
}

WeightPlan CpuDevice::plan_weight(const WeightSpec& spec) const { return cpu::plan_weight(spec); }

void CpuDevice::pack_weight(const WeightPlan& plan, const WeightSource& source, std::span<std::byte> dst,
                            Executor& executor, const std::function<void(std::int64_t)>& advance) const {
  FL_CHECK(dst.size() >= plan.bytes);
  cpu::pack_weight(plan, source, dst.data(), executor, advance);
}

void CpuDevice::unpack_weight(const WeightPlan& plan, std::span<const std::byte> packed, float* dst) const {
  FL_CHECK(packed.size() >= plan.bytes);
  cpu::unpack_weight(plan, packed.data(), dst);
}

View CpuDevice::weight_view(const WeightPlan& plan, std::byte* data) const {
  View view = make_view(data, plan.spec.format, plan.spec.shape);
  if (plan.spec.role == WeightRole::kLinear) view.layout = Layout::kPacked;
  return view;
}

}  // namespace cpu

std::unique_ptr<Device> open_cpu(const OpenOptions& options) {
  return std::make_unique<cpu::CpuDevice>(cpu::choose_isa(options.isa), options.threads);
}

}  // namespace firstlight::device
