// What devices that compute on the host share: heap memory, a stream that runs at once, traces as recorded calls, and
// the row-major physical form.
#pragma once

#include <filesystem>

#include "firstlight/device/contract.h"

namespace firstlight::device {

class HostDevice : public Device {
 public:
  // 0 threads: every core this process may use.
  explicit HostDevice(int threads);
  Executor& executor() override { return executor_; }
  std::unique_ptr<Memory> allocate(std::size_t bytes) override;
  std::size_t available_bytes() const override;
  std::unique_ptr<Stream> new_stream() override;
  PhysicalForm physical_form(const op::TensorSpec& spec) const override;
  const void* settings(std::string_view) const override { return nullptr; }
  bool error_bound(op::Op, const KernelCall&, const View&, bool, std::span<double>) const override { return false; }

 private:
  Executor executor_;
};

// MemAvailable of /proc/meminfo, bounded by the limits of this process's cgroup (v1 or v2) and its parents, in bytes.
// `root` stands before every path read: tests give a folder of their own.
std::size_t host_available_bytes(const std::filesystem::path& root = "/");

// Bytes of a tensor in its format's row layout. Throws kResource when they do not fit in 63 bits.
std::size_t row_layout_bytes(const Shape& shape, Format format);

// Throws kUnsupported naming role and format unless the rank fits the role and the format the role: floats, f32 for
// vectors. What every device's plan_weight asks first.
void check_weight(const WeightSpec& spec, std::string_view device_name);
std::string_view role_name(WeightRole role);

}  // namespace firstlight::device
