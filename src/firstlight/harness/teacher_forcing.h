// Token accuracy by teacher forcing (tt_stack.md §4.2): the text's own tokens are fed whatever the model says, and its
// argmax is compared with the reference model's best, and best five, at each position.
#pragma once

#include <cstdint>
#include <vector>

#include "firstlight/harness/capsule.h"
#include "firstlight/harness/verdict.h"

namespace firstlight::harness {

struct TeacherForcing {
  std::int64_t prefill = 0;  // tokens prefilled; the token that prefill predicts is scored too
  std::int64_t scored = 0;   // positions compared
  std::int64_t top1_hits = 0;
  std::int64_t top5_hits = 0;
  std::int64_t text_hits = 0;  // argmax equal to the text's own next token
  struct Miss {
    std::int64_t position;  // of the token whose successor was predicted
    std::int32_t predicted;
    std::int32_t expected;  // the reference's best
    bool in_top5;
    float margin;  // reference logit margin, NaN where unknown
  };
  std::vector<Miss> misses;          // top-1 misses, in order
  std::int64_t near_tie_misses = 0;  // of them, with a reference margin below 0.05

  double top1() const { return scored == 0 ? 0 : static_cast<double>(top1_hits) / static_cast<double>(scored); }
  double top5() const { return scored == 0 ? 0 : static_cast<double>(top5_hits) / static_cast<double>(scored); }
  Json json() const;
};

// Tokens of the target's text, or as many as the model has positions.
std::int64_t text_tokens(const model::Model& model, const Target& target);

// Where a reference is split: after as many tokens as the target prefills, in the middle where there are no more than
// that (a model of few positions; the verdicts say so).
std::int64_t split_after(const Capsule& capsule, const Target& target);

// Prefills the first `prefill` ids in chunks of `chunk` (0 = whole) and forces the rest but the last, one by one.
// Throws kMismatch when the capsule does not cover the positions or holds ids outside the vocabulary.
TeacherForcing teacher_force(run::Session& session, const model::Model& model, const Capsule& capsule,
                             std::int64_t prefill, std::int64_t chunk = 0);

// top-1 and top-5 under the target's bars; the notes name the reference's origin.
std::vector<Verdict> verdicts(const TeacherForcing& result, const Capsule& capsule, const Target& target);

}  // namespace firstlight::harness
