// Operands are made once on the host and copied to each device; memory around them is poisoned.
#include "device/parity/runner.h"

#include <cmath>
#include <limits>

#include "firstlight/base/error.h"
#include "firstlight/base/hash.h"
#include "firstlight/base/rng.h"
#include "firstlight/device/ref/ref.h"

namespace firstlight::parity {
namespace {

using device::Device;
using device::Memory;
using device::WeightRole;

constexpr std::size_t kGuardBytes = 64;
constexpr std::byte kPoison{0xFF};  // NaN in every float format that has one

float draw(Fill fill, Rng& rng) {
  switch (fill) {
    case Fill::kNormal:
      return rng.normal();
    case Fill::kPositive:
      return rng.uniform(0.25F, 4.0F);
    case Fill::kWide:
      return std::ldexp(rng.normal(), static_cast<int>(rng.below(24)) - 12);
  }
  return 0;
}

std::vector<float> values_of(const Operand& operand, Rng& rng) {
  if (!operand.values.empty()) return operand.values;
  std::vector<float> values(static_cast<std::size_t>(operand.shape.elements()));
  for (float& value : values) value = draw(operand.fill, rng);
  return values;
}

HostOperand prepare_operand(const Operand& operand, Rng& rng) {
  HostOperand host{operand, {}, {}};
  if (operand.role == Role::kIndices) {
    host.memory = HostTensor::from(operand.indices, operand.shape);
    host.view = host.memory.view();
    return host;
  }
  const std::vector<float> values = values_of(operand, rng);
  if (operand.role == Role::kWeight) {
    host.memory = HostTensor::from(values, operand.shape);
    host.view = host.memory.view();
    return host;
  }
  if (operand.before + operand.after == 0) {
    host.memory = HostTensor(operand.format, operand.shape);
    host.view = host.memory.view();
  } else {
    std::int64_t columns = 1;
    for (int axis = 1; axis < operand.shape.rank(); ++axis) columns *= operand.shape[axis];
    host.memory = HostTensor(operand.format, {operand.shape[0], operand.before + columns + operand.after});
    std::memset(host.memory.view().data, 0xFF, host.memory.size_bytes());
    host.view = reshape(slice_last(host.memory.view(), operand.before, operand.before + columns), operand.shape);
  }
  copy_from_f32(values.data(), host.view);
  return host;
}

// kLinear outputs are rows of the source, columns of the logical weight.
class CaseWeight : public device::WeightSource {
 public:
  CaseWeight(WeightRole role, const View& values) : role_(role), values_(values) {}
  void read(std::int64_t begin, std::int64_t end, float* dst) const override {
    const auto* values = values_.as<const float>();
    const std::int64_t width = values_.shape[-1];
    if (role_ == WeightRole::kVector) {
      std::copy(values + begin, values + end, dst);
    } else if (role_ == WeightRole::kTable) {
      std::copy(values + begin * width, values + end * width, dst);
    } else {
      for (std::int64_t n = begin; n < end; ++n)
        for (std::int64_t k = 0; k < values_.shape[0]; ++k) *dst++ = values[k * width + n];
    }
  }

 private:
  WeightRole role_;
  View values_;
};

// Device memory between poisoned guards.
class Block {
 public:
  Block(Device& device, device::Stream& stream, std::size_t bytes)
      : stream_(stream), bytes_(bytes), memory_(device.allocate(bytes + kGuardBytes)) {
    const std::vector<std::byte> poison(bytes + kGuardBytes, kPoison);
    stream.upload(poison.data(), memory_->data(), poison.size());
  }
  std::byte* data() { return memory_->data(); }
  void upload(const void* host) { stream_.upload(host, memory_->data(), bytes_); }
  std::vector<std::byte> download() {
    std::vector<std::byte> all(bytes_ + kGuardBytes);
    stream_.download(memory_->data(), all.data(), all.size());
    for (std::size_t i = bytes_; i < all.size(); ++i)
      if (all[i] != kPoison)
        fail(Category::kInternal, "guard", "byte {} behind an output of {} was written", i, bytes_);
    all.resize(bytes_);
    return all;
  }

 private:
  device::Stream& stream_;
  std::size_t bytes_;
  std::unique_ptr<Memory> memory_;
};

struct DeviceCase {
  std::vector<std::unique_ptr<Block>> blocks;
  std::vector<View> in;
  std::string declined;
};

View place_weight(Device& device, device::Stream& stream, const HostOperand& host, DeviceCase& placed) {
  const Operand& operand = host.description;
  device::WeightPlan plan;
  try {
    plan = device.plan_weight({operand.weight_role, operand.format, operand.shape});
  } catch (const Error& error) {
    if (error.category() != Category::kUnsupported) throw;
    placed.declined = error.message();
    return {};
  }
  const HostTensor packed(Format::u8, {static_cast<std::int64_t>(plan.bytes)});
  const std::span<std::byte> bytes(packed.view().data, plan.bytes);
  device.pack_weight(plan, CaseWeight(operand.weight_role, host.view), bytes, device.executor(), {});
  auto block = std::make_unique<Block>(device, stream, plan.bytes);
  block->upload(packed.view().data);
  const View view = device.weight_view(plan, block->data());
  placed.blocks.push_back(std::move(block));
  return view;
}

View place(Device& device, device::Stream& stream, const HostOperand& host, DeviceCase& placed) {
  if (host.description.role == Role::kWeight) return place_weight(device, stream, host, placed);
  if (host.description.role == Role::kActivation && !device.stores(host.view.format))
    placed.declined = fmt::format("{} is not stored", format_name(host.view.format));
  auto block = std::make_unique<Block>(device, stream, host.memory.size_bytes());
  block->upload(host.memory.view().data);
  View view = host.view;
  view.data = block->data() + (host.view.data - host.memory.view().data);
  placed.blocks.push_back(std::move(block));
  return view;
}

std::vector<op::TensorSpec> specs_of(const std::vector<View>& views) {
  std::vector<op::TensorSpec> specs;
  for (const View& view : views) specs.push_back({view.shape, view.format});
  return specs;
}

// The rows of the whole call, or 0 where no operand is batched.
std::int64_t batched_rows(const HostCase& host) {
  for (const HostOperand& operand : host.in)
    if (operand.description.batched) return operand.view.shape[0];
  return 0;
}

std::string launch(Device& device, device::Stream& stream, device::KernelCall call, op::Op op) {
  for (const device::KernelRow& kernel : device.kernels()) {
    if (kernel.op != op || (kernel.accepts != nullptr && !kernel.accepts(call))) continue;
    const std::size_t scratch_bytes =
        kernel.scratch_bytes == nullptr ? 0 : kernel.scratch_bytes(call, device.executor().threads());
    Block scratch(device, stream, scratch_bytes);
    call.context.scratch = {scratch.data(), scratch_bytes};
    stream.launch(kernel, call);
    stream.synchronize();
    scratch.download();  // checks the guard
    return "";
  }
  return "no kernel takes it";
}

}  // namespace

HostCase prepare(const Case& description) {
  HostCase host{description, {}, {}};
  const std::uint64_t stream = hash64(std::as_bytes(std::span(description.name)));
  Rng rng(seed(), stream);
  for (const Operand& operand : description.in) host.in.push_back(prepare_operand(operand, rng));
  if (description.state) host.state.push_back(prepare_operand(*description.state, rng));
  return host;
}

Outcome run_case(Device& device, const HostCase& host, const RunOptions& options) {
  const Case& description = host.description;
  const op::OpRow& op_row = op::row(description.op);
  const std::unique_ptr<device::Stream> stream = device.new_stream();
  DeviceCase placed;
  for (const HostOperand& operand : host.in) placed.in.push_back(place(device, *stream, operand, placed));
  Outcome outcome;
  outcome.format = host.state.empty() ? description.out : host.state[0].view.format;
  if (!device.stores(outcome.format)) placed.declined = fmt::format("{} is not stored", format_name(outcome.format));
  outcome.declined = placed.declined;
  if (!outcome.declined.empty()) return outcome;

  const std::int64_t rows = batched_rows(host);
  const std::int64_t batch = options.batch > 0 && rows > 0 ? options.batch : std::max<std::int64_t>(1, rows);
  std::unique_ptr<Block> state;
  View state_view;
  if (!host.state.empty()) {
    DeviceCase state_block;
    state_view = place(device, *stream, host.state[0], state_block);
    state = std::move(state_block.blocks[0]);
    outcome.shape = state_view.shape;
  }
  for (std::int64_t begin = 0; begin == 0 || begin < rows; begin += batch) {
    std::vector<View> in = placed.in;
    for (std::size_t i = 0; i < in.size(); ++i)
      if (host.in[i].description.batched) in[i] = slice_first(in[i], begin, std::min(rows, begin + batch));
    const std::vector<Shape> shapes = op_row.infer(description.args.data(), specs_of(in));
    std::unique_ptr<Block> block;
    View out = state_view;
    if (!state) {
      const device::PhysicalForm form = device.physical_form({shapes[0], outcome.format});
      FL_CHECK(form.layout == Layout::kRowMajor);  // other forms: convert here with format/tile.h
      block = std::make_unique<Block>(device, *stream, form.bytes);
      out = make_view(block->data(), outcome.format, shapes[0]);
    }
    device::KernelCall call{description.args.data(), description.args.size(), in, {&out, 1}, {}};
    call.context.executor = &device.executor();
    call.context.key = description.name;
    call.context.phase = options.phase;
    call.context.settings = device.settings(options.setting);
    outcome.declined = launch(device, *stream, call, description.op);
    if (!outcome.declined.empty()) return outcome;
    if (block) {
      const std::vector<std::byte> bytes = block->download();
      outcome.bytes.insert(outcome.bytes.end(), bytes.begin(), bytes.end());
      const std::int64_t rows_before = outcome.shape.rank() == 0 ? 0 : outcome.shape[0];
      outcome.shape = out.shape;
      if (rows > 0 && out.shape.rank() > 0) outcome.shape[0] += rows_before;
    }
  }
  if (state) outcome.bytes = state->download();
  outcome.values.resize(static_cast<std::size_t>(outcome.shape.elements()));
  copy_to_f32(make_view(outcome.bytes.data(), outcome.format, outcome.shape), outcome.values.data());
  return outcome;
}

Expected expected(const HostCase& host, const Device* device, const std::string& setting) {
  const std::unique_ptr<Device> reference = device::open_ref({.threads = 1});
  HostCase in_f32 = host;
  in_f32.description.out = Format::f32;
  for (HostOperand& state : in_f32.state) {
    state.memory = HostTensor::from(host.state[0].memory.values(), state.view.shape);
    state.view = state.memory.view();
  }
  const Outcome outcome = run_case(*reference, in_f32);
  FL_CHECK(outcome.declined.empty());

  // The bound needs the values that a packed weight stands for.
  std::vector<HostTensor> weights;
  std::vector<View> views;
  for (const HostOperand& operand : host.in) {
    views.push_back(operand.view);
    if (operand.description.role != Role::kWeight) continue;
    const Operand& weight = operand.description;
    const device::WeightPlan plan = reference->plan_weight({weight.weight_role, weight.format, weight.shape});
    std::vector<std::byte> packed(plan.bytes);
    reference->pack_weight(plan, CaseWeight(weight.weight_role, operand.view), packed, reference->executor(), {});
    HostTensor values(Format::f32, weight.shape);
    reference->unpack_weight(plan, packed, values.f32().data());
    views.back() = values.view();
    weights.push_back(values);
  }
  Expected result{outcome.shape, outcome.values, std::vector<double>(outcome.values.size()), !host.state.empty()};
  const Format stored = host.state.empty() ? host.description.out : host.state[0].view.format;
  View out;
  out.format = stored;
  device::KernelCall call{host.description.args.data(), host.description.args.size(), views, {&out, 1}, {}};
  const View exact = make_view(result.values.data(), Format::f32, result.shape);
  if (device != nullptr) call.context.settings = device->settings(setting);
  if (device != nullptr && device->error_bound(host.description.op, call, exact, true, result.bound)) return result;
  reference->error_bound(host.description.op, call, exact, true, result.bound);
  if (device != nullptr) device->add_rounding(host.description.op, call, exact, result.bound);
  return result;
}

std::string compare(const Expected& expected, const Outcome& outcome) {
  if (!(outcome.shape == expected.shape))
    return fmt::format("shape {}, expected {}", outcome.shape.str(), expected.shape.str());
  double worst = 0;
  std::size_t worst_index = 0;
  std::size_t beyond = 0;
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    const double want = expected.values[i];
    const double got = outcome.values[i];
    if (!std::isfinite(want) || !std::isfinite(got)) {
      if (expected.in_place && std::isnan(want) && std::isnan(got)) continue;  // poison that was left alone
      return fmt::format("element {}: {}, expected {}", i, got, want);
    }
    const double difference = std::abs(got - want);
    if (difference <= expected.bound[i]) continue;
    ++beyond;
    const double ratio = difference / std::max(expected.bound[i], std::numeric_limits<double>::min());
    if (ratio > worst) {
      worst = ratio;
      worst_index = i;
    }
  }
  if (beyond == 0) return "";
  return fmt::format("{} of {} elements beyond their bound; element {}: {}, expected {} +- {}", beyond,
                     expected.values.size(), worst_index, outcome.values[worst_index], expected.values[worst_index],
                     expected.bound[worst_index]);
}

}  // namespace firstlight::parity
