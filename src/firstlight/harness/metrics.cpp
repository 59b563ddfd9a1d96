// Sums in double, two passes (means first), so that a large common offset costs no precision.
#include "firstlight/harness/metrics.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "firstlight/base/error.h"

namespace firstlight::harness {
namespace {

// NaN, +inf, -inf, or 0 for a finite value.
int non_finite_class(float value) {
  if (std::isnan(value)) return 1;
  if (std::isinf(value)) return value > 0 ? 2 : 3;
  return 0;
}

// Explicit mantissa bits of the largest element of a block.
int mantissa_bits(Format format) {
  switch (format) {
    case Format::f16:
      return 10;
    case Format::bf16:
      return 7;
    case Format::bfp8:
      return 6;
    case Format::bfp4:
      return 2;
    case Format::bfp2:
      return 0;
    default:
      return 23;
  }
}

double ulp_of(double magnitude, Format format) {
  constexpr int kMinExponent = -126;
  const int exponent = magnitude > 0 ? std::max(kMinExponent, std::ilogb(magnitude)) : kMinExponent;
  return std::ldexp(1.0, exponent - mantissa_bits(format));
}

}  // namespace

Metrics compare(std::span<const float> golden, std::span<const float> actual, Format stored) {
  FL_CHECK(golden.size() == actual.size());
  Metrics m;
  m.count = static_cast<std::int64_t>(golden.size());
  m.bit_equal = true;
  double sum_g = 0;
  double sum_a = 0;
  double sum_gg = 0;
  double sum_aa = 0;
  double sum_ga = 0;
  double error = 0;
  std::int64_t finite = 0;
  for (std::size_t i = 0; i < golden.size(); ++i) {
    const int class_g = non_finite_class(golden[i]);
    const int class_a = non_finite_class(actual[i]);
    m.golden_nonfinite += class_g != 0;
    m.actual_nonfinite += class_a != 0;
    m.nonfinite_mismatch += class_g != class_a;
    m.bit_equal = m.bit_equal && std::bit_cast<std::uint32_t>(golden[i]) == std::bit_cast<std::uint32_t>(actual[i]);
    if (class_g != 0 || class_a != 0) continue;
    const double g = golden[i];
    const double a = actual[i];
    ++finite;
    sum_g += g;
    sum_a += a;
    sum_gg += g * g;
    sum_aa += a * a;
    sum_ga += g * a;
    error += (a - g) * (a - g);
    if (m.worst_index < 0 || std::abs(a - g) > m.max_abs) {
      m.max_abs = std::abs(a - g);
      m.worst_index = static_cast<std::int64_t>(i);
    }
  }
  if (finite == 0) {
    const bool same = m.nonfinite_mismatch == 0;
    m.pcc = same ? 1 : 0;
    m.cosine = same ? 1 : 0;
    m.nmse = same ? 0 : std::numeric_limits<double>::infinity();
    return m;
  }
  const double n = static_cast<double>(finite);
  const double mean_g = sum_g / n;
  const double mean_a = sum_a / n;
  const double rms_g = std::sqrt(sum_gg / n);
  const double floor_ulp = ulp_of(rms_g, stored);
  double var_g = 0;
  double var_a = 0;
  double covariance = 0;
  bool constant_g = true;
  bool constant_a = true;
  float first_g = 0;
  float first_a = 0;
  bool seen = false;
  for (std::size_t i = 0; i < golden.size(); ++i) {
    if (non_finite_class(golden[i]) != 0 || non_finite_class(actual[i]) != 0) continue;
    if (!seen) {
      first_g = golden[i];
      first_a = actual[i];
      seen = true;
    }
    constant_g = constant_g && golden[i] == first_g;
    constant_a = constant_a && actual[i] == first_a;
    const double g = golden[i] - mean_g;
    const double a = actual[i] - mean_a;
    var_g += g * g;
    var_a += a * a;
    covariance += g * a;
    const double unit = std::max(floor_ulp, ulp_of(std::abs(static_cast<double>(golden[i])), stored));
    m.max_ulp = std::max(m.max_ulp, std::abs(static_cast<double>(actual[i]) - golden[i]) / unit);
  }
  m.golden_mean = mean_g;
  m.golden_deviation = std::sqrt(var_g / n);
  m.golden_constant = constant_g;
  m.actual_constant = constant_a;
  m.nmse = error == 0 ? 0 : sum_gg > 0 ? error / sum_gg : std::numeric_limits<double>::infinity();
  if (sum_gg == 0 || sum_aa == 0)
    m.cosine = sum_gg == sum_aa ? 1 : 0;
  else
    m.cosine = sum_ga / std::sqrt(sum_gg) / std::sqrt(sum_aa);
  if (error == 0) {
    m.pcc = 1;
  } else if (constant_g && constant_a) {
    // Neither varies: correlation says nothing, so the values themselves must be close.
    m.pcc = std::abs(mean_a - mean_g) <= 1e-5 * std::max(std::abs(mean_a), std::abs(mean_g)) ? 1 : 0;
    m.scale = 1;
    m.offset = mean_a - mean_g;
  } else if (constant_g || constant_a) {
    m.pcc = 0;
    m.scale = constant_g ? 1 : 0;
    m.offset = constant_g ? mean_a - mean_g : mean_a;
  } else {
    m.pcc = covariance / std::sqrt(var_g) / std::sqrt(var_a);
    m.scale = covariance / var_g;
    m.offset = mean_a - m.scale * mean_g;
  }
  return m;
}

double Metrics::scale_error() const { return std::abs(scale - 1); }

double Metrics::offset_error() const {
  const double unit = golden_deviation > 0 ? golden_deviation : std::abs(golden_mean);
  if (offset == 0) return 0;
  return unit > 0 ? std::abs(offset) / unit : std::numeric_limits<double>::infinity();
}

std::vector<std::string> Metrics::findings() const {
  constexpr double kNoticeable = 0.01;  // what a reader sees as "not 1" in a printed number
  std::vector<std::string> found;
  if (nonfinite_mismatch > 0)
    found.push_back(fmt::format("{} of {} values are NaN or infinite on one side only", nonfinite_mismatch, count));
  else if (golden_nonfinite > 0)
    found.push_back(fmt::format("{} of {} values are NaN or infinite on both sides", golden_nonfinite, count));
  if (golden_constant != actual_constant)
    found.push_back(actual_constant ? "output is constant, the reference is not"
                                    : "reference is constant, the output is not");
  if (nmse > 0 && !actual_constant && !golden_constant && scale_error() > kNoticeable)
    found.push_back(fmt::format("output is {:.4g} x the reference", scale));
  if (nmse > 0 && offset_error() > kNoticeable) found.push_back(fmt::format("output is offset by {:.4g}", offset));
  return found;
}

Json Metrics::json() const {
  const auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(fmt::format("{}", value)); };
  Json json;
  json["count"] = count;
  json["golden_nonfinite"] = golden_nonfinite;
  json["actual_nonfinite"] = actual_nonfinite;
  json["nonfinite_mismatch"] = nonfinite_mismatch;
  json["pcc"] = number(pcc);
  json["nmse"] = number(nmse);
  json["cosine"] = number(cosine);
  json["max_abs"] = number(max_abs);
  json["worst_index"] = worst_index;
  json["max_ulp"] = number(max_ulp);
  json["scale"] = number(scale);
  json["offset"] = number(offset);
  json["bit_equal"] = bit_equal;
  return json;
}

std::int32_t argmax(std::span<const float> row) {
  std::int32_t best = 0;
  float value = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (row[i] > value) {
      value = row[i];
      best = static_cast<std::int32_t>(i);
    }
  }
  return best;
}

std::vector<std::int32_t> top_k(std::span<const float> row, int k) {
  std::vector<std::int32_t> order(row.size());
  std::iota(order.begin(), order.end(), 0);
  const auto keep = std::min(row.size(), static_cast<std::size_t>(std::max(0, k)));
  const auto value = [&](std::int32_t i) {
    const float v = row[static_cast<std::size_t>(i)];
    return std::isnan(v) ? -std::numeric_limits<float>::infinity() : v;
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(keep), order.end(),
                    [&](std::int32_t a, std::int32_t b) { return value(a) != value(b) ? value(a) > value(b) : a < b; });
  order.resize(keep);
  return order;
}

}  // namespace firstlight::harness
