// Summaries of repeated measurements.
#pragma once

#include <span>
#include <vector>

namespace firstlight::harness {

// The mean of the middle two for an even count; 0 for none.
double median(std::vector<double> values);
// `share` 0..1, linear between the order statistics; 0 for none.
double percentile(std::vector<double> values, double share);
// (max - min) / median; 0 for none.
double spread(const std::vector<double>& values);

// How many times larger `a` is than `b`, from pairs measured next to each other.
struct RatioInterval {
  double ratio = 0;  // geometric mean of a[i] / b[i]
  double low = 0;    // the interval that holds the true ratio with the given confidence, by Student's t on the logs
  double high = 0;
};
// At least two pairs of positive values.
RatioInterval ratio_interval(std::span<const double> a, std::span<const double> b, double confidence);

// The t that a Student variable of `degrees` >= 1 stays below in absolute value with probability `confidence`.
double student_quantile(double confidence, int degrees);

}  // namespace firstlight::harness
