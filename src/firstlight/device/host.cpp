// Host memory, streams that run at once, traces as recorded calls.
#include "firstlight/device/host.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>
#include <vector>

#include "firstlight/base/error.h"

namespace firstlight::device {
namespace {

constexpr std::size_t kAlignment = 64;
// A vector load of the last elements may touch the line after them.
constexpr std::size_t kSlackBytes = 64;
// The system grants more than it has and kills later, so large blocks are checked against what is free first.
constexpr std::size_t kCheckedBytes = std::size_t{16} << 20;

class HostMemory : public Memory {
 public:
  explicit HostMemory(std::size_t bytes) : size_(bytes) {
    if (bytes <= std::numeric_limits<std::size_t>::max() / 2)
      data_ =
          static_cast<std::byte*>(::operator new[](bytes + kSlackBytes, std::align_val_t{kAlignment}, std::nothrow));
    if (data_ == nullptr) fail(Category::kResource, "memory", "no block of {} bytes could be allocated", bytes);
  }
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;
  ~HostMemory() override { ::operator delete[](data_, std::align_val_t{kAlignment}); }
  std::byte* data() override { return data_; }
  std::size_t size() const override { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_;
};

// Every command has run when it returns, so an event is always over.
class HostEvent : public Event {
 public:
  void wait() override {}
};

struct RecordedCall {
  KernelRow kernel;
  std::vector<std::byte> args;
  std::vector<View> in;
  std::vector<View> out;
  std::string key;
  KernelContext context;
};

// Calls own their arguments and Views; scratch is the trace's own, since its contents never outlive a launch.
class HostTrace : public Trace {
 public:
  explicit HostTrace(std::vector<RecordedCall> calls) : calls_(std::move(calls)), scratch_(largest_scratch(calls_)) {}

  void replay(Stream&) override {
    for (const RecordedCall& recorded : calls_) {
      KernelCall call{recorded.args.data(), recorded.args.size(), recorded.in, recorded.out, recorded.context};
      call.context.key = recorded.key;
      call.context.scratch = {scratch_.data(), recorded.context.scratch.size()};
      recorded.kernel.run(call);
    }
  }
  std::size_t launches() const override { return calls_.size(); }

 private:
  static std::size_t largest_scratch(const std::vector<RecordedCall>& calls) {
    std::size_t largest = 0;
    for (const RecordedCall& call : calls) largest = std::max(largest, call.context.scratch.size());
    return largest;
  }

  std::vector<RecordedCall> calls_;
  HostMemory scratch_;
};

class HostStream : public Stream {
 public:
  void launch(const KernelRow& kernel, const KernelCall& call) override {
    if (capturing_) {
      const auto* args = static_cast<const std::byte*>(call.args);
      recorded_.push_back({kernel,
                           {args, args + call.args_bytes},
                           {call.in.begin(), call.in.end()},
                           {call.out.begin(), call.out.end()},
                           std::string(call.context.key),
                           call.context});
    }
    kernel.run(call);
  }
  void upload(const void* host, std::byte* device, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(device, host, bytes);
  }
  void download(const std::byte* device, void* host, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(host, device, bytes);
  }
  std::unique_ptr<Event> record() override { return std::make_unique<HostEvent>(); }
  void wait(Event&) override {}
  void synchronize() override {}
  void begin_capture() override {
    FL_CHECK(!capturing_);
    capturing_ = true;
  }
  std::unique_ptr<Trace> end_capture() override {
    FL_CHECK(capturing_);
    capturing_ = false;
    return std::make_unique<HostTrace>(std::exchange(recorded_, {}));
  }

 private:
  bool capturing_ = false;
  std::vector<RecordedCall> recorded_;
};

}  // namespace

HostDevice::HostDevice(int threads) : executor_(threads > 0 ? threads : available_cores()) {}

std::unique_ptr<Memory> HostDevice::allocate(std::size_t bytes) {
  if (bytes >= kCheckedBytes) {
    const std::size_t available = available_bytes();
    if (bytes > available)
      fail(Category::kResource, "memory", "{} bytes are needed and {} are available", bytes, available);
  }
  return std::make_unique<HostMemory>(bytes);
}

std::size_t HostDevice::available_bytes() const { return host_available_bytes(); }

std::unique_ptr<Stream> HostDevice::new_stream() { return std::make_unique<HostStream>(); }

PhysicalForm HostDevice::physical_form(const op::TensorSpec& spec) const {
  return {Layout::kRowMajor, spec.shape, row_layout_bytes(spec.shape, spec.format)};
}

std::size_t row_layout_bytes(const Shape& shape, Format format) {
  std::int64_t bytes = row_bytes(format, shape.rank() == 0 ? 1 : shape[-1]);
  for (int axis = 0; axis + 1 < shape.rank(); ++axis)
    if (__builtin_mul_overflow(bytes, shape[axis], &bytes))
      fail(Category::kResource, "memory", "a tensor {} in {} has more bytes than can be counted", shape.str(),
           format_name(format));
  return static_cast<std::size_t>(bytes);
}

std::string_view role_name(WeightRole role) {
  switch (role) {
    case WeightRole::kLinear:
      return "linear";
    case WeightRole::kTable:
      return "table";
    case WeightRole::kVector:
      return "vector";
  }
  return "";
}

void check_weight(const WeightSpec& spec, std::string_view device_name) {
  const bool vector = spec.role == WeightRole::kVector;
  if (spec.shape.rank() != (vector ? 1 : 2))
    fail(Category::kUnsupported, device_name, "a {} weight has {} dimensions, not the shape {}", role_name(spec.role),
         vector ? 1 : 2, spec.shape.str());
  if (!row(spec.format).is_float || (vector && spec.format != Format::f32))
    fail(Category::kUnsupported, device_name, "a {} weight cannot be stored in {}{}", role_name(spec.role),
         format_name(spec.format), vector ? "; vectors are f32" : "");
}

}  // namespace firstlight::device
