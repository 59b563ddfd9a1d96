// Accuracy position by position, so that two policies can be compared in pairs on the same text.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "firstlight/harness/capsule.h"

namespace firstlight::harness::tune {

// One entry a scored position.
struct Scores {
  std::vector<double> top1;  // 1 where the argmax is the reference's best
  std::vector<double> top5;  // 1 where the argmax is among the reference's five
  std::vector<double> loss;  // -ln of the probability given to the reference's best: finer than hits
};

// Scores the positions of teacher forcing (definitions.md): the first tokens as a prefill, then all that are forced as
// rows of one decode step, each attending to those before it. No result depends on its batch-mates, so the hits are
// those of `teacher_force`, in far less time. Throws kMismatch when the capsule does not cover them.
Scores score_text(run::Session& session, const model::Model& model, const Capsule& capsule, std::int64_t prefill);

double mean(std::span<const double> values);

// The mean of a - b with its 95 % confidence interval by Student's t, from the differences at each position.
struct Paired {
  double mean = 0;
  double low = 0;
  double high = 0;
};
Paired paired(std::span<const double> a, std::span<const double> b);

}  // namespace firstlight::harness::tune
