// Order statistics, and Student's t by integration.
#include "firstlight/harness/statistics.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "firstlight/base/error.h"

namespace firstlight::harness {
namespace {

// P(|T| <= t): with t = sqrt(degrees) tan(a) the density becomes cos(a)^(degrees-1) times a constant, smooth on
// [0, pi/2), so Simpson's rule needs few points.
double student_within(double t, int degrees) {
  const double angle = std::atan(t / std::sqrt(degrees));
  const double scale =
      2 * std::exp(std::lgamma((degrees + 1) / 2.0) - std::lgamma(degrees / 2.0)) / std::sqrt(std::numbers::pi);
  const auto density = [&](double a) { return std::pow(std::cos(a), degrees - 1); };
  constexpr int kIntervals = 512;
  const double step = angle / kIntervals;
  double sum = density(0) + density(angle);
  for (int i = 1; i < kIntervals; ++i) sum += (i % 2 == 1 ? 4 : 2) * density(i * step);
  return scale * sum * step / 3;
}

}  // namespace

double median(std::vector<double> values) { return percentile(std::move(values), 0.5); }

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const double place = share * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (values[high] - values[low]) * (place - static_cast<double>(low));
}

double spread(const std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto [least, most] = std::ranges::minmax_element(values);
  return (*most - *least) / median(values);
}

double student_quantile(double confidence, int degrees) {
  FL_CHECK(degrees >= 1 && confidence > 0 && confidence < 1);
  double low = 0;
  double high = 1;
  while (student_within(high, degrees) < confidence) high *= 2;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (student_within(middle, degrees) < confidence ? low : high) = middle;
  }
  return high;
}

RatioInterval ratio_interval(std::span<const double> a, std::span<const double> b, double confidence) {
  FL_CHECK(a.size() == b.size() && a.size() >= 2);
  const auto count = static_cast<double>(a.size());
  double mean = 0;
  for (std::size_t i = 0; i < a.size(); ++i) mean += std::log(a[i] / b[i]) / count;
  double variance = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::log(a[i] / b[i]) - mean;
    variance += difference * difference / (count - 1);
  }
  const double margin = student_quantile(confidence, static_cast<int>(a.size()) - 1) * std::sqrt(variance / count);
  return {std::exp(mean), std::exp(mean - margin), std::exp(mean + margin)};
}

}  // namespace firstlight::harness
