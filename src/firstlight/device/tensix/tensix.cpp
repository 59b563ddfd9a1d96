// The device: its table, the chip's row of rules, and settings that carry it to the kernels.
#include "firstlight/device/tensix/tensix.h"

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/device/host.h"
#include "firstlight/device/tensix/bounds/bounds.h"
#include "firstlight/device/tensix/isa.h"
#include "firstlight/device/tensix/ops/ops.h"
#include "firstlight/device/tensix/weights.h"

namespace firstlight::device {
namespace tensix {
namespace {

// A head's part of a row must be whole blocks where the result is stored in blocks.
bool takes_attention(const KernelCall& call) {
  return takes_rows(call) && (block_bits(call.out[0].format) == 0 || call.in[2].shape[3] % 16 == 0);
}

constexpr KernelRow kKernels[] = {
    {op::Op::embedding, embedding, row_scratch, takes_rows},
    {op::Op::linear, linear, linear_scratch, takes_rows},
    {op::Op::matmul, matmul, matmul_scratch, takes_rows},
    {op::Op::binary, binary, row_scratch, takes_rows},
    {op::Op::unary, unary, row_scratch, takes_rows},
    {op::Op::affine, affine, row_scratch, takes_rows},
    {op::Op::reduce, reduce, row_scratch, takes_rows},
    {op::Op::softmax, softmax, row_scratch, takes_rows},
    {op::Op::copy, copy, row_scratch, takes_rows},
    {op::Op::concat, concat, row_scratch, takes_rows},
    {op::Op::gather_rows, gather_rows, row_scratch, takes_rows},
    {op::Op::cache_append, cache_append, row_scratch, takes_rows},
    {op::Op::cache_gather, cache_gather, row_scratch, takes_rows},
    {op::Op::rms_norm, rms_norm, row_scratch, takes_rows},
    {op::Op::layer_norm, layer_norm, row_scratch, takes_rows},
    {op::Op::rope, rope, row_scratch, takes_rows},
    {op::Op::gated, gated, row_scratch, takes_rows},
    {op::Op::attention, attention, attention_scratch, takes_attention},
    {op::Op::route, route, row_scratch, takes_rows},
    {op::Op::add_gathered, add_gathered, row_scratch, takes_rows},
};

constexpr std::string_view kSettingNames[] = {"lofi", "hifi2", "hifi2na", "hifi2fp16", "hifi4", "hifi4fp32"};

class TensixDevice : public HostDevice {
 public:
  TensixDevice(const Rules& rules, const Kernels& kernels, bool fast, int threads) : HostDevice(threads) {
    core_ = {.rules = rules, .kernels = &kernels, .fast = fast, .ops = read_assumptions()};
    for (std::size_t i = 0; i < std::size(kSettingNames); ++i)
      settings_[i] = {.asked = find_fidelity(kSettingNames[i]), .core = &core_};
    unasked_.core = &core_;
    const int count = executor().threads();
    description_ = {.name = "tensix",
                    .summary = fmt::format("{} emulated {}, {}, {} thread{}", rules.arch, fast ? "fast" : "bit by bit",
                                           kernels.isa, count, count == 1 ? "" : "s"),
                    .isa = kernels.isa,
                    .assumptions = describe(core_.ops)};
  }
  const Description& description() const override { return description_; }
  // Attention takes other chunks of keys in decode than in prefill.
  Capabilities capabilities() const override {
    return {.traces = true, .invariances = op::kAllInvariances & ~static_cast<unsigned>(op::kPhase)};
  }
  std::span<const KernelRow> kernels() const override { return kKernels; }
  Peaks peaks(double) override { return {.origin = "not measured: this device is for the chip's values"}; }
  bool stores(Format format) const override { return is_tile_format(format); }

  WeightPlan plan_weight(const WeightSpec& spec) const override {
    check_weight(spec, description_.name);
    if (!is_tile_format(spec.format))
      fail(Category::kUnsupported, description_.name,
           "a {} weight cannot be stored in {}; tiles are f32, bf16, bfp8, "
           "bfp4 or bfp2",
           role_name(spec.role), format_name(spec.format));
    return {spec, "tensix-1", weight_bytes(spec)};
  }
  void pack_weight(const WeightPlan& plan, const WeightSource& source, std::span<std::byte> dst, Executor& executor,
                   const std::function<void(std::int64_t)>& advance) const override {
    FL_CHECK(dst.size() >= plan.bytes);
    tensix::pack_weight(plan.spec, source, dst.data(), executor, advance);
  }
  void unpack_weight(const WeightPlan& plan, std::span<const std::byte> packed, float* dst) const override {
    FL_CHECK(packed.size() >= plan.bytes);
    tensix::unpack_weight(plan.spec, packed.data(), dst);
  }
  View weight_view(const WeightPlan& plan, std::byte* data) const override {
    View view = make_view(data, plan.spec.format, plan.spec.shape);
    if (plan.spec.role == WeightRole::kLinear) view.layout = Layout::kPacked;
    return view;
  }
  const void* settings(std::string_view name) const override {
    const auto* found = std::ranges::find(kSettingNames, name);
    return found == std::end(kSettingNames) ? &unasked_ : &settings_[found - std::begin(kSettingNames)];
  }
  bool error_bound(op::Op op, const KernelCall& call, const View& exact, bool defects,
                   std::span<double> bound) const override {
    tensix::error_bound(op, call, exact, defects, bound);
    return true;
  }

 private:
  Core core_;
  KernelSettings settings_[std::size(kSettingNames)];
  KernelSettings unasked_;
  Description description_;
};

}  // namespace
}  // namespace tensix

std::unique_ptr<Device> open_tensix(const OpenOptions& options) {
  constexpr const tensix::Rules* kChips[] = {&tensix::kWormhole, &tensix::kBlackhole};
  const std::string_view arch = options.arch.empty() ? kChips[0]->arch : std::string_view(options.arch);
  const auto* chip = std::ranges::find(kChips, arch, [](const tensix::Rules* rules) { return rules->arch; });
  if (chip == std::end(kChips))
    fail(Category::kUnsupported, "--board", "no chip is known as '{}'; there are: wormhole, blackhole", arch);
  if (!options.emulation.empty() && options.emulation != "exact" && options.emulation != "fast")
    fail(Category::kUsage, "--emulation", "no level is named '{}'; there are: exact, fast", options.emulation);
  return std::make_unique<tensix::TensixDevice>(**chip, tensix::choose_kernels(options.isa),
                                                options.emulation == "fast", options.threads);
}

}  // namespace firstlight::device
