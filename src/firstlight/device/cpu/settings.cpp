// The setting of 8-bit inputs, and bounds: that of float32 arithmetic, which the reference device knows, and what is
// rounded besides.
#include "firstlight/device/cpu/settings.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "firstlight/device/bound_operands.h"
#include "firstlight/device/cpu/kernels.h"
#include "firstlight/op/attention.h"
#include "firstlight/tensor/view.h"

namespace firstlight::device::cpu {
namespace {

constexpr Settings kInteger{.integer_inputs = true};
constexpr double kInputError = 0.5021;  // of an input, in steps of its group: X's half step and v's
constexpr double kUnit = 0x1p-24;       // half an ulp, relative
constexpr double kUnderflow = 0x1p-126;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

// 2^floor(log2 x), 0 for 0.
double power_below(double x) { return x == 0 ? 0 : std::exp2(std::ilogb(x)); }

}  // namespace

const Settings* find_settings(std::string_view name) { return name == "int8" ? &kInteger : nullptr; }

bool integer_error_bound(op::Op op, const KernelCall& call, const View& exact, std::span<double> bound) {
  const auto* settings = static_cast<const Settings*>(call.context.settings);
  if (op != op::Op::linear || settings == nullptr || !settings->integer_inputs) return false;
  const BoundOperands operands{call.in, exact, bound};
  const std::vector<float> x = operands.values(0);
  const std::vector<float> w = operands.values(1);
  const std::int64_t depth = call.in[1].shape[0];
  const std::int64_t columns = call.in[1].shape[1];
  const std::int64_t groups = integer_groups(depth);
  const std::int64_t panels = ceil_div(columns, kPanel);
  const auto weight = [&](std::int64_t k, std::int64_t n) { return std::abs(double{w[index(k * columns + n)]}); };
  // What a step of the inputs of a group is worth for input k and a panel, over the step: 2^(e - E).
  std::vector<double> spread(index(depth * panels));
  for (std::int64_t panel = 0; panel < panels; ++panel)
    for (std::int64_t first = 0; first < depth; first += kIntegerGroup) {
      const std::int64_t last = std::min(depth, first + kIntegerGroup);
      double most = 0;
      for (std::int64_t k = first; k < last; ++k) {
        double largest = 0;
        for (std::int64_t n = panel * kPanel; n < std::min(columns, (panel + 1) * kPanel); ++n)
          largest = std::max(largest, weight(k, n));
        spread[index(k * panels + panel)] = power_below(largest);
        most = std::max(most, power_below(largest));
      }
      for (std::int64_t k = first; k < last; ++k) {
        double& value = spread[index(k * panels + panel)];
        value = value == 0 ? 0 : most / value;
      }
    }
  std::vector<double> steps(index(groups));
  for (std::int64_t r = 0; r < row_count(exact); ++r) {
    const float* row = x.data() + r * depth;
    for (std::int64_t group = 0; group < groups; ++group) {
      double largest = 0;
      for (std::int64_t k = group * kIntegerGroup; k < std::min(depth, (group + 1) * kIntegerGroup); ++k)
        largest = std::max(largest, std::abs(double{row[k]}));
      steps[index(group)] = largest < kLeastInput ? largest : kInputError * largest / 127;  // small ones are dropped
    }
    for (std::int64_t n = 0; n < columns; ++n) {
      double magnitude = call.in.size() > 2 ? std::abs(double{call.in[2].as<const float>()[n]}) : 0;
      double rounding = 0;
      for (std::int64_t k = 0; k < depth; ++k) {
        const double error = steps[index(k / kIntegerGroup)] * spread[index(k * panels + n / kPanel)] * weight(k, n);
        rounding += error;
        magnitude += std::abs(double{row[k]}) * weight(k, n) + error;
      }
      const auto roundings = static_cast<double>(groups + 8);
      bound[index(r * columns + n)] = rounding + roundings * (kUnit * magnitude + kUnderflow);
    }
  }
  add_storage_error(call.out[0].format, exact, bound);
  return true;
}

// Half an ulp of every weight: 2^-8 sum p |v|, with a little more for p's own error.
void add_weight_rounding(const KernelCall& call, const View& exact, std::span<double> bound) {
  if (call.in[0].format != Format::bf16 || call.in[2].format != Format::bf16) return;
  constexpr double kHalfUlp = 0x1p-8 * (1 + 0x1p-10);
  const auto& args = call.as<op::Attention>();
  const BoundOperands operands{call.in, exact, bound};
  const std::vector<float> q = operands.values(0);
  const std::vector<float> keys = operands.values(1);
  const std::vector<float> values = operands.values(2);
  const CachedRows rows(operands, 3, call.in[1].shape);
  const std::int64_t heads = call.in[0].shape[1];
  const std::int64_t group = heads / call.in[1].shape[1];
  const std::int64_t depth = call.in[1].shape[3];
  const std::int64_t width = call.in[2].shape[3];
  std::vector<double> weights;
  for (std::int64_t i = 0; i < call.in[0].shape[0] * heads; ++i) {
    const auto row = [&](std::int64_t t) { return rows.index(index(i / heads), i % heads / group, t); };
    const std::int64_t end = rows.position(index(i / heads)) + 1;
    const std::int64_t begin = args.window > 0 ? std::max<std::int64_t>(0, end - args.window) : 0;
    double largest = -std::numeric_limits<double>::infinity();
    weights.clear();
    for (std::int64_t t = begin; t < end; ++t) {
      double score = 0;
      for (std::int64_t d = 0; d < depth; ++d)
        score += double{q[index(i * depth + d)]} * keys[index(row(t) * depth + d)] * args.scale;
      if (args.softcap > 0) score = args.softcap * std::tanh(score / args.softcap);
      weights.push_back(score);
      largest = std::max(largest, score);
    }
    double sum = 0;
    for (double& weight : weights) sum += weight = std::exp(weight - largest);
    for (std::int64_t t = begin; t < end; ++t)
      for (std::int64_t d = 0; d < width; ++d)
        bound[index(i * width + d)] +=
            kHalfUlp * weights[index(t - begin)] / sum * std::abs(double{values[index(row(t) * width + d)]});
  }
}

}  // namespace firstlight::device::cpu
