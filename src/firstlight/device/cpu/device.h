// The device over one table of kernels.
#pragma once

#include "firstlight/device/cpu/isa.h"
#include "firstlight/device/cpu/settings.h"
#include "firstlight/device/host.h"

namespace firstlight::device::cpu {

class CpuDevice : public HostDevice {
 public:
  CpuDevice(const Isa& isa, int threads);
  const Description& description() const override { return description_; }
  Capabilities capabilities() const override { return {.traces = true}; }
  std::span<const KernelRow> kernels() const override { return isa_.rows; }
  Peaks peaks(double seconds) override;

  // Kernels compute on f32 and bf16, and on pages of a cache in any format; other activations are widened (rows.h).
  bool stores(Format format) const override { return row(format).is_float; }

  WeightPlan plan_weight(const WeightSpec& spec) const override;
  void pack_weight(const WeightPlan& plan, const WeightSource& source, std::span<std::byte> dst, Executor& executor,
                   const std::function<void(std::int64_t)>& advance) const override;
  void unpack_weight(const WeightPlan& plan, std::span<const std::byte> packed, float* dst) const override;
  View weight_view(const WeightPlan& plan, std::byte* data) const override;

  const void* settings(std::string_view name) const override { return find_settings(name); }
  bool error_bound(op::Op op, const KernelCall& call, const View& exact, bool, std::span<double> bound) const override {
    return integer_error_bound(op, call, exact, bound);
  }
  void add_rounding(op::Op op, const KernelCall& call, const View& exact, std::span<double> bound) const override {
    if (op == op::Op::attention && isa_.kernels->attention.value_pairs) add_weight_rounding(call, exact, bound);
    if (op == op::Op::linear && isa_.kernels->words != nullptr) add_word_rounding(call, exact, bound);
  }

 private:
  Isa isa_;
  Description description_;
};

}  // namespace firstlight::device::cpu
