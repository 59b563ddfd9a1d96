// A device for tests: the reference device with fewer kernels, fewer formats, tiles, or memory out of the host's reach.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "firstlight/device/contract.h"

namespace firstlight::testing {

struct TestDeviceOptions {
  std::function<bool(op::Op)> has = [](op::Op) { return true; };  // kernels it has
  std::function<bool(Format)> stores = [](Format) { return true; };
  bool plain_only = false;      // kernels take contiguous f32 activations and nothing else
  bool copies = true;           // copy kernels take formats that the device does not store
  bool foreign_memory = false;  // addresses the host must not follow
  bool tiled = false;           // tensors are padded to 32 x 32 tiles
  bool computes = true;
  bool traces = false;
  std::size_t available = 0;   // bytes; 0 = what the reference device says
  std::string layout_id = {};  // empty: the reference device's
  int threads = 2;
};

class TestDevice : public device::Device {
 public:
  explicit TestDevice(TestDeviceOptions options = {});
  ~TestDevice() override;

  const device::Description& description() const override { return description_; }
  device::Capabilities capabilities() const override;
  std::span<const device::KernelRow> kernels() const override { return kernels_; }
  device::Peaks peaks(double) override { return {}; }
  Executor& executor() override { return inner_->executor(); }
  std::unique_ptr<device::Memory> allocate(std::size_t bytes) override;
  std::size_t available_bytes() const override;
  std::unique_ptr<device::Stream> new_stream() override;
  bool stores(Format format) const override { return options_.stores(format); }
  device::PhysicalForm physical_form(const op::TensorSpec& spec) const override;
  device::WeightPlan plan_weight(const device::WeightSpec& spec) const override;
  void pack_weight(const device::WeightPlan& plan, const device::WeightSource& source, std::span<std::byte> dst,
                   Executor& executor, const std::function<void(std::int64_t)>& advance) const override;
  void unpack_weight(const device::WeightPlan& plan, std::span<const std::byte> packed, float* dst) const override;
  View weight_view(const device::WeightPlan& plan, std::byte* data) const override;
  bool error_bound(op::Op op, const device::KernelCall& call, const View& exact, bool defects,
                   std::span<double> bound) const override {
    return inner_->error_bound(op, call, exact, defects, bound);
  }
  void add_rounding(op::Op op, const device::KernelCall& call, const View& exact,
                    std::span<double> bound) const override {
    inner_->add_rounding(op, call, exact, bound);
  }
  const void* settings(std::string_view name) const override;

  int allocations() const { return allocations_; }
  int packs() const { return packs_; }
  std::function<void()> before_pack;  // called for every weight

 private:
  TestDeviceOptions options_;
  std::unique_ptr<device::Device> inner_;
  device::Description description_;
  std::vector<device::KernelRow> kernels_;
  int allocations_ = 0;
  mutable int packs_ = 0;
};

// The ops a fallback may be made of.
bool is_primitive(op::Op op);
// What TestDevice::settings() gives for a name: a pointer to it.
std::string_view setting_name(const void* settings);

}  // namespace firstlight::testing
