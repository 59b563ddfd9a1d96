// The metric panel: what is said about two tensors that should be equal. Never PCC alone: a correlation is blind to
// scale, offset, constants and non-finite values, so each of those has a number of its own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "firstlight/base/json.h"
#include "firstlight/format/format.h"

namespace firstlight::harness {

struct Metrics {
  std::int64_t count = 0;
  // Non-finite values come first: while there are any, every other number covers only the positions where both are
  // finite, and the panel cannot pass.
  std::int64_t golden_nonfinite = 0;
  std::int64_t actual_nonfinite = 0;
  std::int64_t nonfinite_mismatch = 0;  // positions where the two are not the same NaN, +inf, -inf or finite

  double pcc = 0;      // Pearson correlation; 1 when equal element for element, 0 when exactly one side is constant
  double nmse = 0;     // sum (actual - golden)^2 / sum golden^2; inf when only golden is all zero
  double cosine = 0;   // 1 when both are all zero, 0 when exactly one is
  double max_abs = 0;  // largest |actual - golden|
  std::int64_t worst_index = -1;
  // Largest |actual - golden| in units in the last place of the golden element, no smaller than that of the rms: near
  // zero an ulp says nothing. The ulp is that of the format the output is stored in.
  double max_ulp = 0;
  // actual ~ scale * golden + offset by least squares; scale 1 and offset 0 for constants that agree.
  double scale = 1;
  double offset = 0;
  double golden_mean = 0;
  double golden_deviation = 0;  // standard deviation
  bool golden_constant = false;
  bool actual_constant = false;
  bool bit_equal = false;

  // What the numbers say in words ("output is 2.00 x the reference"), worst first; empty when nothing stands out.
  std::vector<std::string> findings() const;
  bool finite() const { return golden_nonfinite == 0 && actual_nonfinite == 0; }
  // Distance of the fit from identity: |scale - 1|, and |offset| in standard deviations (or rms of golden when
  // constant).
  double scale_error() const;
  double offset_error() const;
  Json json() const;
};

// Sizes must be equal (kInternal). Empty tensors are equal. `stored` is the format that `actual` was stored in.
Metrics compare(std::span<const float> golden, std::span<const float> actual, Format stored = Format::f32);

// Row-wise argmax; ties go to the lowest index, NaN never wins.
std::int32_t argmax(std::span<const float> row);
// The k best indices, best first, ties by lowest index.
std::vector<std::int32_t> top_k(std::span<const float> row, int k);

}  // namespace firstlight::harness
