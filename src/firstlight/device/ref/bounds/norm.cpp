// Bounds of norms and of reductions.
#include "firstlight/op/norm.h"

#include "firstlight/device/ref/bounds/parts.h"
#include "firstlight/device/ref/rows.h"

namespace firstlight::device::ref {

// A sum of n terms: each meets at most n - 1 roundings, and one more for a mean. A maximum is one of the inputs.
void bound_reduce(const BoundCall& call) {
  const op::ReduceKind kind = call.as<op::Reduce>().kind;
  if (kind == op::ReduceKind::kMax) return;
  const std::vector<float> x = call.values(0);
  const std::int64_t n = row_length(call.in[0]);
  for (std::size_t r = 0; r < call.bound.size(); ++r) {
    double magnitude = 0;
    for (std::int64_t i = 0; i < n; ++i) magnitude += std::abs(double{x[r * static_cast<std::size_t>(n) + i]});
    const double divisor = kind == op::ReduceKind::kMean ? static_cast<double>(n) : 1;
    call.bound[r] = gamma(static_cast<double>(n + 2)) * magnitude / divisor + kUnderflow;
  }
}

// The squares are positive, so mean + eps has relative error gamma(n + 4); the root halves it; then rsqrt to 4 ulp, the
// offset of the weight and two products.
void bound_rms_norm(const BoundCall& call) {
  const auto& args = call.as<op::RmsNorm>();
  const std::vector<float> x = call.values(0);
  const std::int64_t n = row_length(call.exact);
  const auto* exact = call.exact.as<const float>();
  for (std::int64_t r = 0; r < row_count(call.exact); ++r) {
    double squares = 0;
    for (std::int64_t i = 0; i < n; ++i) squares += std::pow(x[static_cast<std::size_t>(r * n + i)], 2);
    const double variance = squares / static_cast<double>(n) + args.eps;
    const double root = 0.5 * (gamma(static_cast<double>(n + 4)) + kUnderflow / variance);
    const double relative = root + kExpError + 5 * kUnit;
    for (std::int64_t i = 0; i < n; ++i)
      call.bound[static_cast<std::size_t>(r * n + i)] = relative * std::abs(exact[r * n + i]) + kUnderflow;
  }
}

// Mean, then the squares of the differences. The mean is off by m_e <= gamma(n + 1) mean|x|, so a difference d by
// d_e <= m_e + u (|d| + m_e), and the variance by mean(2 |d| d_e + d_e^2) + gamma(n + 3) mean((|d| + d_e)^2); the
// inverse root is taken at both ends of that interval.
void bound_layer_norm(const BoundCall& call) {
  const auto& args = call.as<op::LayerNorm>();
  const std::vector<float> x = call.values(0);
  const std::vector<float> weight = call.values(1);
  const std::vector<float> bias = call.in.size() > 2 ? call.values(2) : std::vector<float>(weight.size());
  const std::int64_t n = row_length(call.exact);
  const auto count = static_cast<double>(n);
  for (std::int64_t r = 0; r < row_count(call.exact); ++r) {
    const float* xr = x.data() + r * n;
    double sum = 0;
    double magnitude = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      sum += xr[i];
      magnitude += std::abs(xr[i]);
    }
    const double mean = sum / count;
    const double mean_error = gamma(count + 1) * magnitude / count;
    const auto difference_error = [&](double d) { return mean_error + kUnit * (std::abs(d) + mean_error); };
    double squares = 0;
    double squares_error = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const double d = std::abs(xr[i] - mean);
      const double e = difference_error(d);
      squares += d * d;
      squares_error += 2 * d * e + e * e + gamma(count + 3) * (d + e) * (d + e);
    }
    const double variance = squares / count + args.eps;
    const double variance_error = squares_error / count + kUnit * variance + kUnderflow;
    const double inverse = 1 / std::sqrt(variance);
    const double smallest = std::max(variance - variance_error, double{args.eps} * (1 - 2 * kUnit));
    const double inverse_error = (1 / std::sqrt(smallest) - inverse) + kExpError / std::sqrt(smallest);
    for (std::int64_t i = 0; i < n; ++i) {
      const double d = xr[i] - mean;
      const Bounded scaled = Bounded{d, difference_error(d)} * Bounded{inverse, inverse_error} *
                             Bounded{weight[static_cast<std::size_t>(i)], 0};
      call.bound[static_cast<std::size_t>(r * n + i)] = (scaled + Bounded{bias[static_cast<std::size_t>(i)], 0}).error;
    }
  }
}

}  // namespace firstlight::device::ref
