// Bounds of softmax and attention.
#include <algorithm>
#include <limits>

#include "firstlight/device/ref/bounds/parts.h"
#include "firstlight/device/ref/rows.h"
#include "firstlight/op/attention.h"

namespace firstlight::device::ref {
namespace {

// Blocks of keys may also be summed apart and merged: so many rescalings beyond those that the scores force.
constexpr double kMerges = 4;
// Where the sum itself is in doubt: any weight of [0, 1] is possible.
constexpr double kUnbounded = 1e300;

}  // namespace

// Softmax does not depend on what is subtracted, so the subtracted maximum m may be any computed score. Then
//   d_t = s_t - m is off by e_t + u (|d_t| + e_t), exp(d_t) relatively by expm1 of that and 4 ulp more;
//   a running maximum multiplies by exp(m' - m) once for every new maximum: 4 ulp, two products and u |m' - m| each,
//   and the |m' - m| add up to at most the range of the scores;
//   the sum of positive terms is off relatively by the weighted mean of its terms' errors and gamma(n);
//   the weight is their quotient.
SoftmaxWeights softmax_weights(std::span<const Bounded> scores) {
  const std::size_t n = scores.size();
  SoftmaxWeights result{std::vector<double>(n), std::vector<double>(n)};
  double largest = -std::numeric_limits<double>::infinity();
  double smallest = std::numeric_limits<double>::infinity();
  double largest_error = 0;
  double maxima = kMerges;
  for (const Bounded& score : scores) {
    if (score.value + score.error >= largest - largest_error) ++maxima;
    largest = std::max(largest, score.value);
    smallest = std::min(smallest, score.value);
    largest_error = std::max(largest_error, score.error);
  }
  double sum = 0;
  for (std::size_t t = 0; t < n; ++t) sum += result.weight[t] = std::exp(scores[t].value - largest);
  const double rescaling = maxima * (kExpError + 3 * kUnit) + kUnit * (largest - smallest + 2 * largest_error);
  double sum_error = gamma(static_cast<double>(n) + maxima) + rescaling;
  for (std::size_t t = 0; t < n; ++t) {
    const double distance = largest - scores[t].value + largest_error;
    const double exponent_error = scores[t].error + kUnit * (distance + scores[t].error);
    result.relative_error[t] = std::expm1(exponent_error) + kExpError * std::exp(exponent_error) + rescaling;
    result.weight[t] /= sum;
    sum_error += result.weight[t] * result.relative_error[t];
  }
  for (double& error : result.relative_error)
    error = sum_error < 0.5 ? (1 + error) / (1 - sum_error) * (1 + 4 * kUnit) - 1 : kUnbounded;
  return result;
}

void bound_softmax(const BoundCall& call) {
  const Bounded scale{call.as<op::Softmax>().scale, 0};
  const std::vector<float> x = call.values(0);
  const std::vector<std::int32_t> valid = call.in.size() > 1 ? call.indices(1) : std::vector<std::int32_t>();
  const std::int64_t n = row_length(call.exact);
  std::vector<Bounded> scores;
  for (std::int64_t r = 0; r < row_count(call.exact); ++r) {
    const std::size_t pair = static_cast<std::size_t>(r) * 2;
    const std::int64_t begin = valid.empty() ? 0 : std::clamp<std::int64_t>(valid[pair], 0, n);
    const std::int64_t end = valid.empty() ? n : std::clamp<std::int64_t>(valid[pair + 1], begin, n);
    scores.clear();
    for (std::int64_t i = begin; i < end; ++i)
      scores.push_back(scale * Bounded{x[static_cast<std::size_t>(r * n + i)], 0});
    const SoftmaxWeights weights = softmax_weights(scores);
    for (std::int64_t i = begin; i < end; ++i) {
      const auto t = static_cast<std::size_t>(i - begin);
      call.bound[static_cast<std::size_t>(r * n + i)] =
          std::min(1.0, weights.weight[t] * weights.relative_error[t] + kClamp);
    }
  }
}

// A score is a product of depth D, scaled before or after: gamma(D + 3) sum |q| |k| |scale|, through the softcap. The
// weighted sum adds gamma(n + 2) to each weight's own error: sum_t p_t |v_t| (error_t + gamma(n + 2)).
void bound_attention(const BoundCall& call) {
  const auto& args = call.as<op::Attention>();
  const std::vector<float> q = call.values(0);
  const std::vector<float> keys = call.values(1);
  const std::vector<float> values = call.values(2);
  const Shape& pages = call.in[1].shape;  // [pages, Hkv, page_size, D]
  const CachedRows rows(call, 3, pages);
  const std::int64_t heads = call.in[0].shape[1];
  const std::int64_t depth = pages[3];
  const std::int64_t width = call.in[2].shape[3];
  for (std::int64_t rh = 0; rh < call.in[0].shape[0] * heads; ++rh) {
    const auto r = static_cast<std::size_t>(rh / heads);
    const std::int64_t kv_head = rh % heads / (heads / pages[1]);
    const std::int64_t end = rows.position(r) + 1;
    const std::int64_t begin = args.window > 0 ? std::max<std::int64_t>(0, end - args.window) : 0;
    std::vector<Bounded> scores;
    for (std::int64_t t = begin; t < end; ++t) {
      const float* k = keys.data() + rows.index(r, kv_head, t) * depth;
      Bounded score;
      for (std::int64_t d = 0; d < depth; ++d) {
        const double term = double{q[static_cast<std::size_t>(rh * depth + d)]} * k[d] * args.scale;
        score.value += term;
        score.error += std::abs(term);
      }
      score.error = gamma(static_cast<double>(depth + 3)) * score.error + kUnderflow;
      if (args.softcap > 0) {
        const Bounded capped = tanh(
            {score.value / args.softcap, score.error / args.softcap + kUnit * std::abs(score.value / args.softcap)});
        score = Bounded{args.softcap, 0} * capped;
      }
      scores.push_back(score);
    }
    const SoftmaxWeights weights = softmax_weights(scores);
    const double sum_error = gamma(static_cast<double>(scores.size() + 2));
    for (std::int64_t t = begin; t < end; ++t) {
      const float* v = values.data() + rows.index(r, kv_head, t) * width;
      const auto i = static_cast<std::size_t>(t - begin);
      const double error = std::min(1.0, weights.weight[i] * (weights.relative_error[i] + sum_error) + kClamp);
      for (std::int64_t d = 0; d < width; ++d)
        call.bound[static_cast<std::size_t>(rh * width + d)] += error * std::abs(v[d]) + kUnderflow;
    }
  }
}

}  // namespace firstlight::device::ref
