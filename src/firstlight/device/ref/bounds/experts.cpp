// Bounds of mixtures of experts.
#include "firstlight/op/experts.h"

#include <algorithm>

#include "firstlight/device/ref/bounds/parts.h"
#include "firstlight/device/ref/rows.h"

namespace firstlight::device::ref {

// Which experts are kept is decided by comparing logits, which is exact. A kept weight is off as in softmax over all
// experts; normalising divides by a sum of `top` such weights and rounds once more.
void bound_route(const BoundCall& call) {
  const auto& args = call.as<op::Route>();
  const std::vector<float> logits = call.values(0);
  const auto* exact = call.exact.as<const float>();
  const std::int64_t n = row_length(call.exact);
  std::vector<Bounded> scores(static_cast<std::size_t>(n));
  for (std::int64_t r = 0; r < row_count(call.exact); ++r) {
    for (std::int64_t e = 0; e < n; ++e)
      scores[static_cast<std::size_t>(e)] = {logits[static_cast<std::size_t>(r * n + e)], 0};
    const std::vector<double> errors = softmax_weights(scores).relative_error;
    const double sum_error = *std::ranges::max_element(errors) + gamma(args.top);
    for (std::int64_t e = 0; e < n; ++e) {
      const auto i = static_cast<std::size_t>(r * n + e);
      double error = errors[static_cast<std::size_t>(e)];
      if (args.normalise) error = (1 + error) / (1 - std::min(sum_error, 0.5)) * (1 + 2 * kUnit) - 1;
      if (exact[i] != 0) call.bound[i] = exact[i] * error + static_cast<double>(n) * kClamp;
    }
  }
}

void bound_add_gathered(const BoundCall& call) {
  const std::vector<float> x = call.values(0);
  const std::vector<float> y = call.values(1);
  const std::vector<float> weight = call.values(2);
  const std::vector<std::int32_t> index = call.indices(3);
  const std::int64_t n = row_length(call.exact);
  for (std::int64_t r = 0; r < row_count(call.exact); ++r) {
    const std::int32_t row = index[static_cast<std::size_t>(r)];
    for (std::int64_t i = 0; row >= 0 && i < n; ++i) {
      const Bounded term =
          Bounded{weight[static_cast<std::size_t>(r)], 0} * Bounded{y[static_cast<std::size_t>(row * n + i)], 0};
      const auto at = static_cast<std::size_t>(r * n + i);
      call.bound[at] = (Bounded{x[at], 0} + term).error;
    }
  }
}

}  // namespace firstlight::device::ref
