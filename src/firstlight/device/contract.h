// What a device is: memory, streams with events and traces, capabilities, peaks, the physical form of tensors and
// weights, and one table of kernels. `run` is the only room that calls it; devices never see each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/base/threads.h"
#include "firstlight/op/op.h"

namespace firstlight::device {

// ---- Kernels ---------------------------------------------------------------------------------------------------

enum class Phase : std::uint8_t { kPrefill, kDecode };

// What a kernel may use besides its operands.
struct KernelContext {
  Executor* executor = nullptr;  // host devices; null where the device schedules itself
  std::span<std::byte> scratch;  // at least what the kernel's row declared, 64-byte aligned, contents undefined
  std::string_view key;          // the component key of the call, for a device's own diagnostics
  Phase phase = Phase::kPrefill;
  const void* settings = nullptr;  // what Device::settings() gave for the policy's setting of this component, or null
  void* queue = nullptr;           // the native queue of the stream (CUDA), or null
};

// One call. `args` points to the op's argument struct (trivially copyable, args_bytes long). Outputs are allocated by
// the caller; an in-place op gets its state as output. A missing optional input is absent from `in`.
struct KernelCall {
  const void* args = nullptr;
  std::size_t args_bytes = 0;
  std::span<const View> in;
  std::span<const View> out;
  KernelContext context;

  template <typename Args>
  const Args& as() const {
    return *static_cast<const Args*>(args);
  }
};

// A line of a device's table. A kernel does not allocate, throw, log or read globals.
struct KernelRow {
  op::Op op;
  void (*run)(const KernelCall& call);
  // Bytes of scratch for these operands, null for none.
  std::size_t (*scratch_bytes)(const KernelCall& call, int threads) = nullptr;
  // Whether this row takes these operands (formats, strides), null for all. The first row that accepts is used; when
  // none does, the op's fallback runs and is counted.
  bool (*accepts)(const KernelCall& call) = nullptr;
  // Component-key suffixes that a fused kernel hides, comma separated; empty for plain kernels.
  std::string_view hides = "";
};

// ---- Memory, streams -------------------------------------------------------------------------------------------

// A block of device memory, freed with the object.
class Memory {
 public:
  virtual ~Memory() = default;
  virtual std::byte* data() = 0;  // a device address; dereferenced by the host only under Capabilities::host_memory
  virtual std::size_t size() const = 0;
};

class Event {
 public:
  virtual ~Event() = default;
  virtual void wait() = 0;  // blocks the host
};

class Stream;

// A recorded list of launches on fixed buffers, replayed without host work per launch.
class Trace {
 public:
  virtual ~Trace() = default;
  virtual void replay(Stream& stream) = 0;
  virtual std::size_t launches() const = 0;
};

// A queue of commands that run in order. Host devices run each command before returning.
class Stream {
 public:
  virtual ~Stream() = default;
  // Operands and arguments are copied; the memory behind the Views must live until the launch has run.
  virtual void launch(const KernelRow& kernel, const KernelCall& call) = 0;
  virtual void upload(const void* host, std::byte* device, std::size_t bytes) = 0;
  virtual void download(const std::byte* device, void* host, std::size_t bytes) = 0;  // complete when it returns
  virtual std::unique_ptr<Event> record() = 0;
  virtual void wait(Event& event) = 0;  // later commands of this stream run after the event
  virtual void synchronize() = 0;
  // Between the two, launches are recorded and also run. The trace brings scratch of its own: that of the calls does
  // not outlive them. Throws kUnsupported where the device has no traces.
  virtual void begin_capture() = 0;
  virtual std::unique_ptr<Trace> end_capture() = 0;
};

// ---- Physical form ---------------------------------------------------------------------------------------------

// How a device stores a tensor between ops.
struct PhysicalForm {
  Layout layout = Layout::kRowMajor;
  Shape padded;  // >= the logical shape
  std::size_t bytes = 0;
};

enum class WeightRole : std::uint8_t {
  kLinear,  // logical [K, N]; formats are blocked along N
  kTable,   // logical [V, H], rows looked up; formats are blocked along H
  kVector,  // logical [N], always f32
};

struct WeightSpec {
  WeightRole role = WeightRole::kLinear;
  Format format = Format::f32;
  Shape shape;
};

// Where the values of a weight come from: the checkpoint's tensor after its transform, widened to f32. read() may be
// called from several threads.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  // kLinear: outputs n in [begin, end), dst is [end - begin, K]. kTable: rows, dst [end - begin, H]. kVector: elements.
  virtual void read(std::int64_t begin, std::int64_t end, float* dst) const = 0;
};

// A weight in the device's own form.
struct WeightPlan {
  WeightSpec spec;
  std::string layout_id;  // device, ISA class and packing version: part of the cache key
  std::size_t bytes = 0;
};

// ---- The device ------------------------------------------------------------------------------------------------

struct Description {
  std::string name;                           // as in the device list
  std::string summary;                        // one line for a person: "AMD EPYC, avx2, 2 threads"
  std::string isa;                            // kernel table in use, empty where there is one only
  std::vector<std::string> assumptions = {};  // what its results rest on besides the policy, a line each; for reports
};

struct Capabilities {
  bool host_memory = true;  // the host may dereference device addresses
  bool computes = true;     // false: counts only, outputs keep zeros
  bool traces = false;
  bool deterministic = true;  // same input, same bits
  // Of the invariances that ops claim (op/op.h), those that this device's kernels keep.
  unsigned invariances = op::kAllInvariances;
};

// Rates this device reaches, in bytes/s and FLOP/s; 0 = unknown. `origin` says how they came about.
struct Peaks {
  double read_bandwidth = 0;
  double flops_f32 = 0;
  double flops_bf16 = 0;
  std::string origin;
};

class Device {
 public:
  virtual ~Device() = default;
  virtual const Description& description() const = 0;
  virtual Capabilities capabilities() const = 0;
  virtual std::span<const KernelRow> kernels() const = 0;
  // Measures (host devices: for about `seconds` each) or states the peaks.
  virtual Peaks peaks(double seconds) = 0;
  // Threads of the host that serve this device's kernels and the packing of its weights.
  virtual Executor& executor() = 0;

  // Throws kResource when there is not enough.
  virtual std::unique_ptr<Memory> allocate(std::size_t bytes) = 0;
  // Bytes that can still be allocated, as far as the device knows.
  virtual std::size_t available_bytes() const = 0;
  virtual std::unique_ptr<Stream> new_stream() = 0;

  // Whether tensors between ops, and state, may be stored in this format. Where not, run keeps f32 and rounds values.
  virtual bool stores(Format format) const = 0;
  virtual PhysicalForm physical_form(const op::TensorSpec& spec) const = 0;

  // Throws kUnsupported naming role and format.
  virtual WeightPlan plan_weight(const WeightSpec& spec) const = 0;
  // Fills dst (plan.bytes, host memory) from the source, in parallel on `executor`. `advance(n)` is told of every n
  // source rows done, from any thread; may be empty.
  virtual void pack_weight(const WeightPlan& plan, const WeightSource& source, std::span<std::byte> dst,
                           Executor& executor, const std::function<void(std::int64_t)>& advance) const = 0;
  // The values a packed weight stands for, as the role's logical row-major f32.
  virtual void unpack_weight(const WeightPlan& plan, std::span<const std::byte> packed, float* dst) const = 0;
  // The operand that kernels get for a packed weight whose bytes lie at `data` on this device.
  virtual View weight_view(const WeightPlan& plan, std::byte* data) const = 0;

  // This device's kernel settings for a policy's name of them ("hifi2"); for "" and names that it has not, those of a
  // call that the policy asks nothing of. Null where kernels need none.
  virtual const void* settings(std::string_view name) const = 0;

  // How far a kernel of this device may be from the exact result: bound[i] >= |y - exact[i]| for the result y of
  // `call`.
  //   call   operands are host views, row-major; a placed weight as the values it stands for, f32 in its logical shape.
  //          Of the output only the format counts
  //   exact  the reference's result stored in f32, contiguous; for an in-place op the whole state after the call
  // Without `defects`, elements that a known defect of the hardware may hit, seldom but by far, are bounded as if it
  // did not. False, and nothing written, where the device computes as any sound float32 implementation does: then the
  // bound is the reference device's.
  virtual bool error_bound(op::Op op, const KernelCall& call, const View& exact, bool defects,
                           std::span<double> bound) const = 0;
  // Where that is false: adds to the reference's bound what this device rounds besides.
  virtual void add_rounding(op::Op, const KernelCall&, const View& /*exact*/, std::span<double> /*bound*/) const {}
};

// ---- The list --------------------------------------------------------------------------------------------------

struct OpenOptions {
  int threads = 0;       // 0: every core this process may use
  std::string isa = {};  // empty: the best one this machine has; naming one it lacks is kUnsupported
  // Of a device that emulates a board: the board's chip, and the level. Elsewhere they must be empty.
  std::string arch = {};
  std::string emulation = {};
};

struct DeviceRow {
  std::string_view name;
  std::string_view summary;
  std::unique_ptr<Device> (*open)(const OpenOptions& options);
  bool emulates = false;  // a board's chip, on the host
};

std::span<const DeviceRow> devices();
// Properties of the list, so that nobody else needs a name: the device a verb uses when none is named, the one that
// defines every op, and the one that only counts.
std::string_view default_device();
std::string_view reference_device();
std::string_view counting_device();
// Throws kUsage naming the devices there are.
std::unique_ptr<Device> open_device(std::string_view name, const OpenOptions& options);

}  // namespace firstlight::device
