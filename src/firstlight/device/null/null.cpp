// Memory that is promised and never touched, kernels that do nothing, weights that are sized and never read.
#include "firstlight/device/null/null.h"

#include <sys/mman.h>

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/device/host.h"

namespace firstlight::device {
namespace {

void nothing(const KernelCall&) {}

constexpr KernelRow kKernels[] = {
#define FL_OP(name, Type, summary) {op::Op::name, nothing},
#include "firstlight/op/list.h"
#undef FL_OP
};

// Address space without pages behind it: reads give zeros, and only pages that are written cost memory.
class PromisedMemory : public Memory {
 public:
  explicit PromisedMemory(std::size_t bytes) : size_(bytes) {
    void* mapped = ::mmap(nullptr, std::max<std::size_t>(1, bytes), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) fail(Category::kResource, "memory", "no address space for {} bytes", bytes);
    data_ = static_cast<std::byte*>(mapped);
  }
  PromisedMemory(const PromisedMemory&) = delete;
  PromisedMemory& operator=(const PromisedMemory&) = delete;
  ~PromisedMemory() override { ::munmap(data_, std::max<std::size_t>(1, size_)); }
  std::byte* data() override { return data_; }
  std::size_t size() const override { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_;
};

class NullDevice : public HostDevice {
 public:
  NullDevice() : HostDevice(1) {}
  const Description& description() const override { return description_; }
  Capabilities capabilities() const override { return {.computes = false, .traces = true}; }
  std::span<const KernelRow> kernels() const override { return kKernels; }
  Peaks peaks(double) override { return {.origin = "nothing is computed"}; }
  std::unique_ptr<Memory> allocate(std::size_t bytes) override { return std::make_unique<PromisedMemory>(bytes); }
  std::size_t available_bytes() const override { return std::size_t{1} << 46; }  // half of a process's addresses
  bool stores(Format) const override { return true; }

  WeightPlan plan_weight(const WeightSpec& spec) const override {
    check_weight(spec, description_.name);
    return {spec, "null-1", row_layout_bytes(spec.shape, spec.format)};
  }
  void pack_weight(const WeightPlan& plan, const WeightSource&, std::span<std::byte>, Executor&,
                   const std::function<void(std::int64_t)>& advance) const override {
    const bool columns = plan.spec.role == WeightRole::kLinear;
    if (advance) advance(plan.spec.shape[columns ? 1 : 0]);
  }
  void unpack_weight(const WeightPlan& plan, std::span<const std::byte>, float* dst) const override {
    std::fill_n(dst, plan.spec.shape.elements(), 0.0F);
  }
  View weight_view(const WeightPlan& plan, std::byte* data) const override {
    View view = make_view(data, plan.spec.format, plan.spec.shape);
    view.layout = plan.spec.role == WeightRole::kVector ? Layout::kRowMajor : Layout::kPacked;
    return view;
  }

 private:
  Description description_{"null", "computes nothing, counts operations and bytes", ""};
};

}  // namespace

std::unique_ptr<Device> open_null(const OpenOptions& options) {
  if (!options.isa.empty()) fail(Category::kUnsupported, "--isa", "the null device has no '{}' kernels", options.isa);
  return std::make_unique<NullDevice>();
}

}  // namespace firstlight::device
