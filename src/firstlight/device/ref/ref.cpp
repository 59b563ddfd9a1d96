// The reference device: its table, and what it stores.
#include "firstlight/device/ref/ref.h"

#include "firstlight/base/error.h"
#include "firstlight/device/host.h"
#include "firstlight/device/ref/bounds.h"
#include "firstlight/device/ref/kernels.h"
#include "firstlight/device/ref/rows.h"
#include "firstlight/device/ref/weights.h"

namespace firstlight::device {
namespace {

// Every op, every format, any strides.
constexpr KernelRow kKernels[] = {
    {op::Op::embedding, ref::embedding, ref::row_scratch},
    {op::Op::linear, ref::linear, ref::product_scratch},
    {op::Op::matmul, ref::matmul, ref::product_scratch},
    {op::Op::binary, ref::binary, ref::row_scratch},
    {op::Op::unary, ref::unary, ref::row_scratch},
    {op::Op::affine, ref::affine, ref::row_scratch},
    {op::Op::reduce, ref::reduce, ref::row_scratch},
    {op::Op::softmax, ref::softmax, ref::row_scratch},
    {op::Op::copy, ref::copy, ref::row_scratch},
    {op::Op::concat, ref::concat, ref::row_scratch},
    {op::Op::gather_rows, ref::gather_rows, ref::row_scratch},
    {op::Op::cache_append, ref::cache_append, ref::row_scratch},
    {op::Op::cache_gather, ref::cache_gather, ref::row_scratch},
    {op::Op::rms_norm, ref::rms_norm, ref::row_scratch},
    {op::Op::layer_norm, ref::layer_norm, ref::row_scratch},
    {op::Op::rope, ref::rope, ref::row_scratch},
    {op::Op::gated, ref::gated, ref::row_scratch},
    {op::Op::route, ref::route, ref::row_scratch},
    {op::Op::add_gathered, ref::add_gathered, ref::row_scratch},
    {op::Op::attention, ref::attention, ref::attention_scratch},
};

class RefDevice : public HostDevice {
 public:
  explicit RefDevice(int threads) : HostDevice(threads) {
    description_ = {"ref", fmt::format("float32 storage, double sums, {} threads", executor().threads()), ""};
  }
  const Description& description() const override { return description_; }
  Capabilities capabilities() const override { return {.traces = true}; }
  std::span<const KernelRow> kernels() const override { return kKernels; }
  Peaks peaks(double) override { return {.origin = "not measured: this device is for meaning, not for speed"}; }
  bool stores(Format format) const override { return row(format).is_float; }

  WeightPlan plan_weight(const WeightSpec& spec) const override {
    check_weight(spec, description_.name);
    return {spec, "ref-1", row_layout_bytes(spec.shape, spec.format)};
  }
  void pack_weight(const WeightPlan& plan, const WeightSource& source, std::span<std::byte> dst, Executor& executor,
                   const std::function<void(std::int64_t)>& advance) const override {
    FL_CHECK(dst.size() >= plan.bytes);
    ref::pack_weight(plan.spec, source, dst.data(), executor, advance);
  }
  void unpack_weight(const WeightPlan& plan, std::span<const std::byte> packed, float* dst) const override {
    FL_CHECK(packed.size() >= plan.bytes);
    ref::unpack_weight(plan.spec, packed.data(), dst);
  }
  View weight_view(const WeightPlan& plan, std::byte* data) const override {
    View view = make_view(data, plan.spec.format, plan.spec.shape);
    view.layout = plan.spec.role == WeightRole::kVector ? Layout::kRowMajor : Layout::kPacked;
    return view;
  }
  bool error_bound(op::Op op, const KernelCall& call, const View& exact, bool, std::span<double> bound) const override {
    ref::error_bound(op, call.args, call.in, exact, call.out[0].format, bound);
    return true;
  }

 private:
  Description description_;
};

}  // namespace

std::unique_ptr<Device> open_ref(const OpenOptions& options) {
  if (!options.isa.empty()) fail(Category::kUnsupported, "--isa", "ref has no '{}' kernels, only its own", options.isa);
  return std::make_unique<RefDevice>(options.threads);
}

}  // namespace firstlight::device
