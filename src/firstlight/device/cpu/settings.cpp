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
constexpr double kWordError = 0.75;     // the same of inputs of 16 bits
constexpr double kUnit = 0x1p-24;       // half an ulp, relative
constexpr double kUnderflow = 0x1p-126;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

// 2^floor(log2 x), 0 for 0.
double power_below(double x) { return x == 0 ? 0 : std::exp2(std::ilogb(x)); }

// A linear weight [K, N] as its kernels by whole numbers see it: panels, and groups of inputs.
class Blocks {
 public:
  Blocks(const KernelCall& call, const BoundOperands& operands)
      : depth(call.in[1].shape[0]),
        columns(call.in[1].shape[1]),
        groups(integer_groups(depth)),
        panels(ceil_div(columns, kPanel)),
        values_(operands.values(1)),
        powers_(index(depth * panels)),
        most_(index(groups * panels)) {
    for (std::int64_t k = 0; k < depth; ++k)
      for (std::int64_t panel = 0; panel < panels; ++panel) {
        double largest = 0;
        for (std::int64_t n = panel * kPanel; n < panel_end(panel); ++n) largest = std::max(largest, magnitude(k, n));
        powers_[index(k * panels + panel)] = power_below(largest);
        double& most = most_[index(k / kIntegerGroup * panels + panel)];
        most = std::max(most, power_below(largest));
      }
  }
  double magnitude(std::int64_t k, std::int64_t n) const { return std::abs(double{values_[index(k * columns + n)]}); }
  std::int64_t panel_end(std::int64_t panel) const { return std::min(columns, (panel + 1) * kPanel); }
  std::int64_t group_end(std::int64_t group) const { return std::min(depth, (group + 1) * kIntegerGroup); }
  double power(std::int64_t k, std::int64_t panel) const { return powers_[index(k * panels + panel)]; }  // 2^E
  // 2^e, the largest 2^E of a group.
  double most(std::int64_t group, std::int64_t panel) const { return most_[index(group * panels + panel)]; }
  // What a step of the inputs of a group is worth for input k and a panel, over the step: 2^(e - E).
  double spread(std::int64_t k, std::int64_t panel) const {
    return power(k, panel) == 0 ? 0 : most(k / kIntegerGroup, panel) / power(k, panel);
  }

  const std::int64_t depth, columns, groups, panels;

 private:
  std::vector<float> values_;
  std::vector<double> powers_;
  std::vector<double> most_;
};

double largest_of(const float* row, std::int64_t begin, std::int64_t end) {
  double largest = 0;
  for (std::int64_t k = begin; k < end; ++k) largest = std::max(largest, std::abs(double{row[k]}));
  return largest;
}

}  // namespace

const Settings* find_settings(std::string_view name) { return name == "int8" ? &kInteger : nullptr; }

bool integer_error_bound(op::Op op, const KernelCall& call, const View& exact, std::span<double> bound) {
  const auto* settings = static_cast<const Settings*>(call.context.settings);
  if (op != op::Op::linear || settings == nullptr || !settings->integer_inputs) return false;
  const BoundOperands operands{call.in, exact, bound};
  const std::vector<float> x = operands.values(0);
  const Blocks w(call, operands);
  std::vector<double> steps(index(w.groups));
  for (std::int64_t r = 0; r < row_count(exact); ++r) {
    const float* row = x.data() + r * w.depth;
    for (std::int64_t group = 0; group < w.groups; ++group) {
      const double largest = largest_of(row, group * kIntegerGroup, w.group_end(group));
      steps[index(group)] = largest < kLeastInput ? largest : kInputError * largest / 127;  // small ones are dropped
    }
    for (std::int64_t n = 0; n < w.columns; ++n) {
      double magnitude = call.in.size() > 2 ? std::abs(double{call.in[2].as<const float>()[n]}) : 0;
      double rounding = 0;
      for (std::int64_t k = 0; k < w.depth; ++k) {
        const double error = steps[index(k / kIntegerGroup)] * w.spread(k, n / kPanel) * w.magnitude(k, n);
        rounding += error;
        magnitude += std::abs(double{row[k]}) * w.magnitude(k, n) + error;
      }
      const auto roundings = static_cast<double>(w.groups + 8);
      bound[index(r * w.columns + n)] = rounding + roundings * (kUnit * magnitude + kUnderflow);
    }
  }
  add_storage_error(call.out[0].format, exact, bound);
  return true;
}

void add_word_rounding(const KernelCall& call, const View& exact, std::span<double> bound) {
  if (call.in[0].format != Format::bf16) return;
  const BoundOperands operands{call.in, exact, bound};
  const std::vector<float> x = operands.values(0);
  const Blocks w(call, operands);
  // The weight comes as values: those of a block format are seven bits under the largest of their block.
  for (std::int64_t k = 0; k < w.depth; ++k)
    for (std::int64_t n = 0; n < w.columns; ++n)
      if (std::fmod(w.magnitude(k, n), w.power(k, n / kPanel) * 0x1p-6) != 0) return;
  for (std::int64_t r = 0; r < row_count(exact); ++r)
    for (std::int64_t group = 0; group < w.groups; ++group) {
      const float* row = x.data() + r * w.depth;
      const double largest = largest_of(row, group * kIntegerGroup, w.group_end(group));
      const double step = 0x1p-14 * power_below(largest);
      for (std::int64_t panel = 0; panel < w.panels; ++panel) {
        const bool dropped = largest < kLeastInput || step * w.most(group, panel) * 0x1p-6 < 0x1p-149;
        for (std::int64_t k = group * kIntegerGroup; k < w.group_end(group); ++k) {
          const double worth = step * w.spread(k, panel);
          double error = std::abs(double{row[k]});
          if (!dropped) error = worth == 0 || std::fmod(error, worth) == 0 ? 0 : kWordError * worth;
          for (std::int64_t n = panel * kPanel; n < w.panel_end(panel); ++n)
            bound[index(r * w.columns + n)] += error * w.magnitude(k, n);
        }
      }
    }
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
