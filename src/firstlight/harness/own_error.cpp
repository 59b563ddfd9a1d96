// A kernel's call, computed again on the reference device.
#include "firstlight/harness/own_error.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "firstlight/base/error.h"
#include "firstlight/device/contract.h"
#include "firstlight/op/all.h"

namespace firstlight::harness {
namespace {

using device::Device;
using device::WeightRole;

constexpr std::int64_t kLargestWeight = std::int64_t{1} << 28;  // elements: 1 GiB of f32

// Values of a weight in its logical shape, as a source for another device to pack.
class Values : public device::WeightSource {
 public:
  Values(WeightRole role, const HostTensor& values) : role_(role), values_(values) {}
  void read(std::int64_t begin, std::int64_t end, float* dst) const override {
    const float* values = values_.f32().data();
    const std::int64_t width = values_.shape()[-1];
    if (role_ != WeightRole::kLinear) {
      std::copy(values + begin * width, values + end * width, dst);
      return;
    }
    for (std::int64_t n = begin; n < end; ++n)
      for (std::int64_t k = 0; k < values_.shape()[0]; ++k) *dst++ = values[k * width + n];
  }

 private:
  WeightRole role_;
  const HostTensor& values_;
};

WeightRole role_of(const run::Launch& launch) {
  if (launch.op == op::Op::embedding && !launch.call.as<op::Embedding>().tied) return WeightRole::kTable;
  return WeightRole::kLinear;
}

// Operands whose first axis counts the rows of the output.
bool by_row(op::Op op, std::size_t operand, const device::KernelCall& call) {
  switch (op) {
    case op::Op::linear:
    case op::Op::rms_norm:
    case op::Op::layer_norm:
    case op::Op::unary:
    case op::Op::affine:
    case op::Op::route:
      return operand == 0;
    case op::Op::binary:
      return operand == 0 || call.in[1].shape == call.in[0].shape;
    case op::Op::gated:
      return true;
    case op::Op::embedding:
      return operand == 1;
    case op::Op::rope:
      return operand == 0 || operand == 3;
    case op::Op::attention:
      return operand == 0 || operand == 3 || operand == 4;
    case op::Op::add_gathered:
      return operand != 1;
    default:
      return false;
  }
}

// Ops above; others are judged whole.
bool sliced(op::Op op, const device::KernelCall& call) {
  for (std::size_t i = 0; i < call.in.size(); ++i)
    if (by_row(op, i, call)) return true;
  return false;
}

// The operands of a call on the host, weights as the values they stand for.
struct Operands {
  std::vector<HostTensor> weights;
  std::vector<View> views;
  int packed = -1;  // which one was the device's own

  Operands(const Device& device, const run::Launch& launch, std::int64_t first, std::int64_t rows) {
    for (std::size_t i = 0; i < launch.call.in.size(); ++i) {
      const View& view = launch.call.in[i];
      if (view.layout == Layout::kPacked) {
        const device::WeightPlan plan = device.plan_weight({role_of(launch), view.format, view.shape});
        weights.emplace_back(Format::f32, view.shape);
        device.unpack_weight(plan, {view.data, plan.bytes}, weights.back().f32().data());
        views.push_back(weights.back().view());
        packed = static_cast<int>(i);
      } else {
        views.push_back(by_row(launch.op, i, launch.call) ? slice_first(view, first, first + rows) : view);
      }
    }
  }
};

// The exact result, f32.
HostTensor exact_result(Device& reference, const run::Launch& launch, const Operands& operands, const Shape& shape) {
  const std::unique_ptr<device::Stream> stream = reference.new_stream();
  std::vector<View> in = operands.views;
  std::vector<std::byte> packed;
  if (operands.packed >= 0) {
    const HostTensor& values = operands.weights.front();
    const WeightRole role = role_of(launch);
    const device::WeightPlan plan = reference.plan_weight({role, Format::f32, values.shape()});
    packed.resize(plan.bytes);
    reference.pack_weight(plan, Values(role, values), packed, reference.executor(), {});
    in[static_cast<std::size_t>(operands.packed)] = reference.weight_view(plan, packed.data());
  }
  HostTensor result(Format::f32, shape);
  const View out = result.view();
  device::KernelCall call{launch.call.args, launch.call.args_bytes, in, {&out, 1}, {}};
  call.context.executor = &reference.executor();
  call.context.key = launch.key;
  call.context.phase = launch.call.context.phase;
  call.context.settings = reference.settings("");
  const auto kernel = std::ranges::find_if(reference.kernels(), [&](const device::KernelRow& row) {
    return row.op == launch.op && (row.accepts == nullptr || row.accepts(call));
  });
  FL_CHECK(kernel != reference.kernels().end());
  std::vector<std::byte> scratch(
      kernel->scratch_bytes == nullptr ? 0 : kernel->scratch_bytes(call, reference.executor().threads()) + 64);
  auto* aligned = reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(scratch.data()) + 63) / 64 * 64);
  call.context.scratch = {aligned, scratch.empty() ? 0 : scratch.size() - 64};
  stream->launch(*kernel, call);
  stream->synchronize();
  return result;
}

HostTensor as_f32(const View& view) {
  HostTensor result(Format::f32, view.shape);
  copy_to_f32(view, result.f32().data());
  return result;
}

}  // namespace

void OwnErrors::on_launch(run::Session& session, const run::Launch& launch) {
  Device& device = session.device();
  if (!device.capabilities().host_memory || !reference_.capabilities().host_memory) return;
  const std::vector<HostTensor>& recordings = golden_.of(std::string(launch.key));
  const std::size_t call_index = calls_[std::string(launch.key)]++;
  if (call_index + 1 != recordings.size()) return;  // the last one is judged
  for (const View& view : launch.call.in)
    if (view.layout == Layout::kPacked && view.shape.elements() > kLargestWeight) return;
  const View& out = launch.call.out[0];
  if (!(out.shape == recordings.back().shape())) return;  // an expert that other rows chose
  const bool by_rows = sliced(launch.op, launch.call);
  const std::int64_t rows = by_rows ? std::min(rows_, out.shape[0]) : out.shape[0];
  if (rows < 1) return;
  const std::int64_t first = out.shape[0] - rows;

  const Operands operands(device, launch, first, rows);
  const HostTensor actual = as_f32(slice_first(out, first, first + rows));
  const HostTensor golden = as_f32(slice_first(recordings.back().view(), first, first + rows));
  const HostTensor exact = exact_result(reference_, launch, operands, actual.shape());
  View stored;
  stored.format = launch.stored;
  device::KernelCall call{launch.call.args, launch.call.args_bytes, operands.views, {&stored, 1}, {}};
  call.context.executor = &device.executor();
  call.context.phase = launch.call.context.phase;
  call.context.settings = launch.call.context.settings;
  const auto count = static_cast<std::size_t>(exact.shape().elements());
  std::vector<double> bound(count);
  const bool of_device = device.error_bound(launch.op, call, exact.view(), false, bound);
  if (!of_device) {
    if (!reference_.error_bound(launch.op, call, exact.view(), false, bound)) return;
    device.add_rounding(launch.op, call, exact.view(), bound);
  }

  OwnError own;
  // An element beyond the usual bound may have met a defect; then that is what bounds it.
  const auto beyond = [&](std::size_t i) { return !(std::abs(double{actual.f32()[i]} - exact.f32()[i]) <= bound[i]); };
  std::vector<std::size_t> hit;
  for (std::size_t i = 0; i < count; ++i)
    if (beyond(i)) hit.push_back(i);
  if (of_device && !hit.empty()) {
    std::vector<double> wider(count);
    device.error_bound(launch.op, call, exact.view(), true, wider);
    for (const std::size_t i : hit) {
      own.defects += wider[i] > bound[i];
      bound[i] = wider[i];
    }
  }
  own.rows = rows;
  own.count = static_cast<std::int64_t>(count);
  double squares = 0;
  for (std::size_t i = 0; i < bound.size(); ++i) {
    const double g = golden.f32()[i];
    const double y = actual.f32()[i];
    const double star = exact.f32()[i];
    squares += g * g;
    own.error += (y - g) * (y - g);
    own.stored += (star - g) * (star - g);
    own.arithmetic += (y - star) * (y - star);
    own.arithmetic_bound += bound[i] * bound[i];
    own.bound += std::pow(std::abs(star - g) + bound[i], 2);
    const double difference = std::abs(y - star);
    own.beyond += beyond(i);
    if (difference > 0) own.largest_share = std::max(own.largest_share, difference / bound[i]);
  }
  for (double* value : {&own.error, &own.stored, &own.arithmetic, &own.arithmetic_bound, &own.bound})
    *value = *value == 0 ? 0 : std::sqrt(*value / squares);
  errors_[std::string(launch.key)] = own;
}

const OwnError* OwnErrors::of(std::string_view key) const {
  const auto found = errors_.find(key);
  return found == errors_.end() ? nullptr : &found->second;
}

Json OwnError::json() const {
  return {{"rows", rows},
          {"error", error},
          {"stored", stored},
          {"arithmetic", arithmetic},
          {"bound", bound},
          {"arithmetic_bound", arithmetic_bound},
          {"defects", defects},
          {"beyond", beyond},
          {"largest_share", largest_share}};
}

}  // namespace firstlight::harness
