// tensix_fast: how far the fast level of the emulation is from the exact one, op by op:
// RMS(fast - exact) / RMS(exact) on normal operands, bf16 in and out.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "firstlight/base/rng.h"
#include "firstlight/device/contract.h"
#include "firstlight/op/all.h"
#include "firstlight/tensor/tensor.h"

namespace {

using namespace firstlight;

std::vector<float> normals(std::int64_t count, std::uint64_t stream) {
  Rng rng(11, stream);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = rng.normal();
  return values;
}

HostTensor tensor(Format format, const Shape& shape, std::uint64_t stream) {
  HostTensor result(format, shape);
  copy_from_f32(normals(shape.elements(), stream).data(), result.view());
  return result;
}

class Columns : public device::WeightSource {  // outputs of a [K, N] weight, drawn one by one
 public:
  explicit Columns(std::int64_t depth) : depth_(depth) {}
  void read(std::int64_t begin, std::int64_t end, float* dst) const override {
    for (std::int64_t n = begin; n < end; ++n)
      dst = std::ranges::copy(normals(depth_, 100 + static_cast<std::uint64_t>(n)), dst).out;
  }

 private:
  std::int64_t depth_;
};

// The op's result on a device, under a setting's name.
template <typename Args>
std::vector<float> run(device::Device& device, op::Op op, const Args& args, const std::vector<View>& in,
                       const Shape& shape, std::string_view setting) {
  const HostTensor out(Format::bf16, shape);
  const View result = out.view();
  device::KernelCall call{&args, sizeof(args), in, {&result, 1}, {}};
  call.context.executor = &device.executor();
  call.context.settings = device.settings(setting);
  const auto* kernel = &*std::ranges::find(device.kernels(), op, &device::KernelRow::op);
  const auto scratch = device.allocate(kernel->scratch_bytes(call, device.executor().threads()));
  call.context.scratch = {scratch->data(), scratch->size()};
  kernel->run(call);
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  copy_to_f32(result, values.data());
  return values;
}

void show(std::string_view name, const std::vector<float>& exact, const std::vector<float>& fast) {
  double squares = 0;
  double differences = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    squares += static_cast<double>(exact[i]) * exact[i];
    differences += static_cast<double>(exact[i] - fast[i]) * (exact[i] - fast[i]);
  }
  fmt::print("| {} | {:.1e} |\n", name, std::sqrt(differences / squares));
}

}  // namespace

int main() {
  const auto names = device::devices();
  const auto row = std::ranges::find_if(names, [](const device::DeviceRow& device) { return device.emulates; });
  const auto exact = row->open({.threads = 0, .emulation = "exact"});
  const auto fast = row->open({.threads = 0, .emulation = "fast"});
  fmt::print("| op | fast against exact |\n| --- | --- |\n");

  constexpr std::int64_t kRows = 32;
  constexpr std::int64_t kDepth = 1024;
  constexpr std::int64_t kColumns = 64;
  const HostTensor x = tensor(Format::bf16, {kRows, kDepth}, 1);
  for (const auto& [setting, format] : {std::pair{"lofi", Format::bfp4}, std::pair{"hifi2fp16", Format::bfp8},
                                        std::pair{"hifi2", Format::bfp8}, std::pair{"hifi4", Format::bf16}}) {
    const device::WeightPlan plan = exact->plan_weight({device::WeightRole::kLinear, format, {kDepth, kColumns}});
    const HostTensor packed(Format::u8, {static_cast<std::int64_t>(plan.bytes)});
    exact->pack_weight(plan, Columns(kDepth), {packed.view().data, plan.bytes}, exact->executor(), {});
    const std::vector<View> in{x.view(), exact->weight_view(plan, packed.view().data)};
    const Shape shape{kRows, kColumns};
    show(fmt::format("linear, {} weights, {}, K = {}", format_name(format), setting, kDepth),
         run(*exact, op::Op::linear, op::Linear{}, in, shape, setting),
         run(*fast, op::Op::linear, op::Linear{}, in, shape, setting));
  }

  constexpr std::int64_t kKeys = 700;
  constexpr std::int64_t kHeads = 2;
  constexpr std::int64_t kSize = 64;
  const HostTensor q = tensor(Format::bf16, {kRows, kHeads, kSize}, 2);
  const HostTensor keys = tensor(Format::bfp8, {1, kHeads, kKeys, kSize}, 3);
  const HostTensor values = tensor(Format::bfp8, {1, kHeads, kKeys, kSize}, 4);
  std::vector<std::int32_t> positions(kRows);
  std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(kKeys - kRows));
  const HostTensor sequences = HostTensor::from(std::vector<std::int32_t>(kRows, 0), Shape{kRows});
  const HostTensor places = HostTensor::from(positions, Shape{kRows});
  const HostTensor table = HostTensor::from(std::vector<std::int32_t>{0}, Shape{1, 1});
  const op::Attention args{.scale = 0.125F, .max_context = kKeys, .attended = kRows * kKeys};
  const std::vector<View> in{q.view(), keys.view(), values.view(), sequences.view(), places.view(), table.view()};
  for (const char* setting : {"hifi2", "hifi4"})
    show(fmt::format("attention, bfp8 cache, {}, {} keys", setting, kKeys),
         run(*exact, op::Op::attention, args, in, Shape{kRows, kHeads * kSize}, setting),
         run(*fast, op::Op::attention, args, in, Shape{kRows, kHeads * kSize}, setting));
  fmt::print("| all other ops | 0 |\n");
  return 0;
}
