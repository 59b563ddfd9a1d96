// Shared by the tests of run: values, policies, host tensors.
#pragma once

#include <vector>

#include "firstlight/base/json.h"
#include "firstlight/base/rng.h"
#include "firstlight/run/ops.h"
#include "firstlight/run/session.h"

namespace firstlight::testing {

inline std::vector<float> random_values(std::uint64_t seed, std::int64_t count) {
  Rng rng(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = rng.normal();
  return values;
}

inline HostTensor random_tensor(std::uint64_t seed, const Shape& shape) {
  return HostTensor::from(random_values(seed, shape.elements()), shape);
}

inline HostTensor integers(const std::vector<std::int32_t>& values, const Shape& shape) {
  return HostTensor::from(values, shape);
}

// The values as `format` stores rows of n.
inline std::vector<float> rounded(std::vector<float> values, Format format, std::int64_t n) {
  for (std::size_t r = 0; r < values.size(); r += static_cast<std::size_t>(n))
    round_row(format, values.data() + r, n, values.data() + r);
  return values;
}

// A policy whose activations have this format.
inline run::Policy activations(Format format) {
  run::PolicyRules rules;
  rules.base.groups[run::Group::kActivation] = format;
  return run::Policy(rules);
}

}  // namespace firstlight::testing
