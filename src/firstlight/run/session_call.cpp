// The choke point.
#include <fmt/ranges.h>

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/run/fallback.h"
#include "firstlight/run/session_impl.h"

namespace firstlight::run {
namespace {

constexpr std::size_t kScratchStep = std::size_t{64} << 10;  // scratch grows in steps, so that it seldom does

// A wrong operand is found by the op, which does not know whose it is.
std::vector<Shape> infer(const op::OpRow& op_row, const void* args, const Operands& operands, std::string_view key) {
  try {
    return op_row.infer(args, operands.spec_span());
  } catch (const Error& error) {
    std::string shapes;
    for (const op::TensorSpec& spec : operands.spec_span())
      shapes += fmt::format(" {} {}", format_name(spec.format), spec.shape.str());
    throw Error(error.category(), fmt::format("{}: {}", key, error.where()),
                fmt::format("{}; found{}", error.message(), shapes));
  }
}

}  // namespace

Operands::Operands(std::span<const Tensor> in) : count(in.size()) {
  FL_CHECK(count <= kMaxOperands);
  for (std::size_t i = 0; i < count; ++i) {
    FL_CHECK(!in[i].empty());
    specs[i] = {in[i].shape(), in[i].values()};
    views[i] = in[i].view();
  }
}

Session::Impl::Impl(Session& s)
    : session(s),
      device(s.device_),
      capabilities(device.capabilities()),
      stream(device.new_stream()),
      pool(std::make_shared<Pool>(device, !capabilities.computes)),
      rows_(op::ops().size()) {
  for (const device::KernelRow& row : device.kernels()) rows_[static_cast<std::size_t>(row.op)].push_back(&row);
}

Tensor Session::Impl::call(const Call& call, std::optional<Format> wanted) {
  const op::OpRow& op_row = op::row(call.op);
  FL_CHECK(!op_row.traits.in_place && op_row.traits.outputs == 1);
  const Operands operands(call.in);
  const Shape shape = infer(op_row, call.args, operands, call.key).at(0);
  const KeyEntry& known = entry(call.key);
  const Format format = wanted.value_or(known.activation);

  Tensor result = allocate_pooled(format, shape);
  const View out = result.view();
  const op::TensorSpec out_spec{shape, format};
  const op::Cost cost = op_row.cost(call.args, operands.spec_span(), {&out_spec, 1});
  device::KernelCall kernel_call{call.args, call.args_bytes, operands.view_span(), {&out, 1}, context(call, known)};
  const device::KernelRow* kernel = choose(call, kernel_call);
  std::chrono::nanoseconds duration{0};
  if (kernel != nullptr) {
    duration = launch(*kernel, kernel_call);
    if (result.values() != result.format()) result = rounded(result, format, call.key);
  } else {
    result = {};  // its block may serve the primitives
    const auto start = std::chrono::steady_clock::now();
    result = fall_back(call, format);
    if (wants_times()) duration = std::chrono::steady_clock::now() - start;  // the primitives were waited for
  }
  if (muted_ > 0) return result;
  if (kernel == nullptr)
    ++session.counters_.fallbacks[std::string(op_row.name)];
  else
    show(call, kernel_call, result);
  note(call, cost, operands, out_spec);
  record(call, cost, duration, kernel == nullptr);
  return tap(call, std::move(result));
}

void Session::Impl::call_in_place(const Call& call, const Tensor& state) {
  const op::OpRow& op_row = op::row(call.op);
  FL_CHECK(op_row.traits.in_place && !state.empty());
  std::vector<Tensor> in(call.in.begin(), call.in.end());
  if (state.values() != state.format()) {
    // The state's own kernel would store f32 as it comes.
    const Deeper nested(depth_);
    in[0] = rounded(Primitives(session, call.key).copy(in[0], Format::f32), state.values(), call.key);
  }
  const View out = state.view();
  const op::TensorSpec out_spec{state.shape(), state.values()};
  const Operands asked(call.in);
  infer(op_row, call.args, asked, call.key);
  const op::Cost cost = op_row.cost(call.args, asked.spec_span(), {&out_spec, 1});
  bool fell_back = false;
  for (;;) {
    const Operands operands(in);
    device::KernelCall kernel_call{
        call.args, call.args_bytes, operands.view_span(), {&out, 1}, context(call, entry(call.key))};
    if (const device::KernelRow* kernel = choose(call, kernel_call)) {
      const std::chrono::nanoseconds duration = launch(*kernel, kernel_call);
      if (muted_ > 0) return;
      if (fell_back) ++session.counters_.fallbacks[std::string(op_row.name)];
      note(call, cost, asked, out_spec);
      return record(call, cost, duration, fell_back);
    }
    if (fell_back || !make_plain(call, in)) unsupported(call);
    fell_back = true;
  }
}

const device::KernelRow* Session::Impl::choose(const Call& call, const device::KernelCall& kernel_call) const {
  for (const device::KernelRow* kernel : rows_[static_cast<std::size_t>(call.op)]) {
    if (kernel->accepts != nullptr && !kernel->accepts(kernel_call)) continue;
    if (!kernel->hides.empty() && wants_hidden(call.key, kernel->hides)) continue;
    return kernel;
  }
  return nullptr;
}

device::KernelContext Session::Impl::context(const Call& call, const KeyEntry& known) const {
  const auto phase = static_cast<std::size_t>(session.phase_);
  device::KernelContext context;
  context.executor = capabilities.host_memory ? &device.executor() : nullptr;
  context.key = call.key;
  context.phase = session.phase_ == Phase::kDecode ? device::Phase::kDecode : device::Phase::kPrefill;
  context.settings = device.settings("");
  if (call.op == op::Op::linear) context.settings = known.linear[phase];
  if (call.op == op::Op::attention) context.settings = known.attention[phase];
  return context;
}

std::chrono::nanoseconds Session::Impl::launch(const device::KernelRow& kernel, device::KernelCall& kernel_call) {
  if (kernel.scratch_bytes != nullptr) {
    const std::size_t bytes = kernel.scratch_bytes(kernel_call, device.executor().threads());
    if (bytes > 0 && (scratch_ == nullptr || scratch_->size() < bytes)) {
      stream->synchronize();  // launches under way still use the old one
      scratch_.reset();
      scratch_ = device.allocate((bytes + kScratchStep - 1) / kScratchStep * kScratchStep);
    }
    if (bytes > 0) kernel_call.context.scratch = {scratch_->data(), bytes};
  }
  if (muted_ == 0) ++session.counters_.launches;
  if (!wants_times()) {
    stream->launch(kernel, kernel_call);
    return std::chrono::nanoseconds{0};
  }
  stream->synchronize();
  const auto start = std::chrono::steady_clock::now();
  stream->launch(kernel, kernel_call);
  stream->synchronize();
  return std::chrono::steady_clock::now() - start;
}

Tensor Session::Impl::fall_back(const Call& call, Format format) {
  const Deeper nested(depth_);
  if (const FallbackFunction function = find_fallback(call.op))
    return function(session, call.args, call.in, call.key, format);
  // A primitive that the device has, but not for these operands: f32 ones, and a copy of the result.
  std::vector<Tensor> in(call.in.begin(), call.in.end());
  if (call.op == op::Op::copy || rows_[static_cast<std::size_t>(call.op)].empty()) unsupported(call);
  if (!make_plain(call, in) && format == Format::f32) unsupported(call);
  Call plain = call;
  plain.in = in;
  Tensor result = this->call(plain, Format::f32);
  return format == Format::f32 ? result : Primitives(session, call.key).copy(result, format);
}

bool Session::Impl::make_plain(const Call& call, std::vector<Tensor>& in) {
  const Deeper nested(depth_);
  const op::OpTraits& traits = op::row(call.op).traits;
  bool changed = false;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (static_cast<int>(i) == traits.weight_input || !row(in[i].format()).is_float) continue;
    Tensor plain = Primitives(session, call.key).plain(in[i], op::row(call.op).name);
    changed = changed || plain.view().data != in[i].view().data;
    in[i] = std::move(plain);
  }
  return changed;
}

void Session::Impl::unsupported(const Call& call) const {
  const std::string_view op_name = op::row(call.op).name;
  const std::string& device_name = device.description().name;
  if (rows_[static_cast<std::size_t>(call.op)].empty())
    fail(Category::kUnsupported, call.key, "device '{}' has no kernel for op '{}'", device_name, op_name);
  std::vector<std::string> operands;
  for (const Tensor& tensor : call.in)
    operands.push_back(fmt::format("{} {}", format_name(tensor.format()), tensor.shape().str()));
  fail(Category::kUnsupported, call.key, "device '{}' has no kernel for op '{}' with operands {}", device_name, op_name,
       fmt::join(operands, ", "));
}

// Stores the values in `format` and takes them back, by the device's own copies. False where it has none for that.
bool Session::Impl::copy_through(const Tensor& tensor, Format format, std::string_view key) {
  const op::Copy args;
  const Call call{op::Op::copy, &args, sizeof(args), {}, key, false};
  const std::int64_t n = tensor.shape().rank() == 0 ? 1 : tensor.shape()[-1];
  const std::int64_t bytes = row_bytes(format, n) * tensor.shape().rows();
  const Pool::Block block = pool->take(static_cast<std::size_t>(bytes));
  const View coded = make_view(block.data, format, tensor.shape());
  const View plain = tensor.view();
  device::KernelCall there{call.args, call.args_bytes, {&plain, 1}, {&coded, 1}, context(call, entry(key))};
  device::KernelCall back{call.args, call.args_bytes, {&coded, 1}, {&plain, 1}, there.context};
  const device::KernelRow* there_kernel = choose(call, there);
  const device::KernelRow* back_kernel = choose(call, back);
  if (there_kernel == nullptr || back_kernel == nullptr) return false;
  launch(*there_kernel, there);
  launch(*back_kernel, back);
  return true;
}

Tensor Session::Impl::rounded(const Tensor& tensor, Format format, std::string_view key) {
  FL_CHECK(tensor.format() == Format::f32);
  Tensor result(tensor.view(), tensor.owner(), format);
  if (!capabilities.computes || tensor.shape().elements() == 0 || copy_through(tensor, format, key)) return result;
  HostTensor values = read(tensor);
  const std::int64_t n = values.shape().rank() == 0 ? 1 : values.shape()[-1];
  for (std::int64_t r = 0; r < values.shape().rows(); ++r)
    round_row(format, values.f32().data() + r * n, n, values.f32().data() + r * n);
  write(values, result);
  return result;
}

}  // namespace firstlight::run
