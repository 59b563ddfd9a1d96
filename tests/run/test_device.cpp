// Wrapping of the reference device.
#include "run/test_device.h"

#include <algorithm>
#include <array>

#include "firstlight/base/error.h"
#include "firstlight/device/ref/ref.h"
#include "firstlight/format/tile.h"

namespace firstlight::testing {
namespace {

// Far outside the addresses a process has: following one ends the program.
constexpr std::uintptr_t kForeign = std::uintptr_t{1} << 60;

std::byte* abroad(std::byte* address) {
  return reinterpret_cast<std::byte*>(reinterpret_cast<std::uintptr_t>(address) + kForeign);
}
std::byte* home(const std::byte* address) {
  return reinterpret_cast<std::byte*>(reinterpret_cast<std::uintptr_t>(address) - kForeign);
}

class ForeignMemory : public device::Memory {
 public:
  explicit ForeignMemory(std::unique_ptr<device::Memory> memory) : memory_(std::move(memory)) {}
  std::byte* data() override { return abroad(memory_->data()); }
  std::size_t size() const override { return memory_->size(); }

 private:
  std::unique_ptr<device::Memory> memory_;
};

class ForeignStream : public device::Stream {
 public:
  ForeignStream(std::unique_ptr<device::Stream> stream, Executor& executor)
      : stream_(std::move(stream)), executor_(executor) {}

  void launch(const device::KernelRow& kernel, const device::KernelCall& call) override {
    std::vector<View> in(call.in.begin(), call.in.end());
    std::vector<View> out(call.out.begin(), call.out.end());
    for (View& view : in) view.data = home(view.data);
    for (View& view : out) view.data = home(view.data);
    device::KernelCall inner = call;
    inner.in = in;
    inner.out = out;
    inner.context.executor = &executor_;
    if (!call.context.scratch.empty())
      inner.context.scratch = {home(call.context.scratch.data()), call.context.scratch.size()};
    stream_->launch(kernel, inner);
  }
  void upload(const void* host, std::byte* to, std::size_t bytes) override { stream_->upload(host, home(to), bytes); }
  void download(const std::byte* from, void* host, std::size_t bytes) override {
    stream_->download(home(from), host, bytes);
  }
  std::unique_ptr<device::Event> record() override { return stream_->record(); }
  void wait(device::Event& event) override { stream_->wait(event); }
  void synchronize() override { stream_->synchronize(); }
  void begin_capture() override { stream_->begin_capture(); }
  std::unique_ptr<device::Trace> end_capture() override { return stream_->end_capture(); }

 private:
  std::unique_ptr<device::Stream> stream_;
  Executor& executor_;
};

bool plain(const View& view) {
  return !row(view.format).is_float || view.layout == Layout::kPacked ||
         (view.format == Format::f32 && view.contiguous());
}

bool accepts_plain(const device::KernelCall& call) {
  return std::ranges::all_of(call.in, plain) && std::ranges::all_of(call.out, plain);
}
bool accepts_native(const device::KernelCall& call) {
  const auto native = [](const View& view) { return row(view.format).block_elements == 1; };
  return std::ranges::all_of(call.in, native) && std::ranges::all_of(call.out, native);
}

constexpr std::array<std::string_view, 6> kSettings{"lofi", "hifi2", "hifi2na", "hifi2fp16", "hifi4", "hifi4fp32"};

}  // namespace

TestDevice::TestDevice(TestDeviceOptions options)
    : options_(std::move(options)), inner_(device::open_ref({.threads = options_.threads, .isa = ""})) {
  description_ = {"test", "the reference device, with less", ""};
  for (device::KernelRow kernel : inner_->kernels()) {
    if (!options_.has(kernel.op)) continue;
    // Copies are what brings operands into plain form.
    if (options_.plain_only && kernel.op != op::Op::copy) kernel.accepts = accepts_plain;
    if (!options_.copies && kernel.op == op::Op::copy) kernel.accepts = accepts_native;
    kernels_.push_back(kernel);
  }
}

TestDevice::~TestDevice() = default;

device::Capabilities TestDevice::capabilities() const {
  return {.host_memory = !options_.foreign_memory, .computes = options_.computes, .traces = options_.traces};
}

std::unique_ptr<device::Memory> TestDevice::allocate(std::size_t bytes) {
  ++allocations_;
  auto memory = inner_->allocate(bytes);
  if (!options_.foreign_memory) return memory;
  return std::make_unique<ForeignMemory>(std::move(memory));
}

std::size_t TestDevice::available_bytes() const {
  return options_.available > 0 ? options_.available : inner_->available_bytes();
}

std::unique_ptr<device::Stream> TestDevice::new_stream() {
  if (!options_.foreign_memory) return inner_->new_stream();
  return std::make_unique<ForeignStream>(inner_->new_stream(), inner_->executor());
}

device::PhysicalForm TestDevice::physical_form(const op::TensorSpec& spec) const {
  if (!options_.tiled || !row(spec.format).is_float) return inner_->physical_form(spec);
  Shape padded = spec.shape;
  for (int axis = std::max(0, padded.rank() - 2); axis < padded.rank(); ++axis)
    padded[axis] = round_up(padded[axis], kTileSide);
  const std::int64_t columns = padded.rank() == 0 ? 1 : padded[-1];
  const std::int64_t rows = padded.rank() < 2 ? 1 : padded[-2];
  const std::int64_t count = rows * columns == 0 ? 0 : padded.elements() / (rows * columns);
  return {Layout::kTiled, padded, static_cast<std::size_t>(count * tiled_bytes(spec.format, rows, columns))};
}

device::WeightPlan TestDevice::plan_weight(const device::WeightSpec& spec) const {
  device::WeightPlan plan = inner_->plan_weight(spec);
  if (!options_.layout_id.empty()) plan.layout_id = options_.layout_id;
  return plan;
}

void TestDevice::pack_weight(const device::WeightPlan& plan, const device::WeightSource& source,
                             std::span<std::byte> dst, Executor& executor,
                             const std::function<void(std::int64_t)>& advance) const {
  ++packs_;
  if (before_pack) before_pack();
  inner_->pack_weight(plan, source, dst, executor, advance);
}

void TestDevice::unpack_weight(const device::WeightPlan& plan, std::span<const std::byte> packed, float* dst) const {
  inner_->unpack_weight(plan, packed, dst);
}

View TestDevice::weight_view(const device::WeightPlan& plan, std::byte* data) const {
  return inner_->weight_view(plan, data);
}

const void* TestDevice::settings(std::string_view name) const {
  const auto found = std::ranges::find(kSettings, name);
  return found == kSettings.end() ? nullptr : &*found;
}

bool is_primitive(op::Op op) { return op::row(op).traits.kind == op::Kind::kPrimitive; }

std::string_view setting_name(const void* settings) {
  return settings == nullptr ? std::string_view() : *static_cast<const std::string_view*>(settings);
}

}  // namespace firstlight::testing
