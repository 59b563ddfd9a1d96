// Predicted speed: a decode step and a prefill as sums of op times, and what each lever would buy.
#pragma once

#include "firstlight/harness/plan/timing.h"
#include "firstlight/harness/roofline.h"

namespace firstlight::harness::plan {

struct OpLine {
  Work work;
  OpTime time;         // of one launch
  double seconds = 0;  // of all of the step
};

struct Step {
  std::vector<OpLine> ops;
  double ops_seconds = 0;
  double host_seconds = 0;
  double seconds() const { return ops_seconds + host_seconds; }
};

struct Speed {
  Step decode;
  Step prefill;  // of one user's prompt
  double tokens_per_s_per_user = 0;
  double tokens_per_s = 0;  // of all users and replicas
  double ttft_ms = 0;       // one user's prompt
};

Step predict_step(const std::vector<Work>& works, const Subject& subject, const Board& board, const Split& split,
                  const Constants& constants, const Load& load, const Mode& mode, run::Phase phase);
Speed predict(const Subject& subject, const Precision& precision, const Board& board, const Split& split,
              const Constants& constants, const Load& load, const Mode& mode);

// A change and the decode speed it gives.
struct Lever {
  std::string kind;  // "format", "fidelity", "trace", "sharded reads", "fusion"
  std::string what;
  double tokens_per_s_per_user = 0;
  double gain = 0;  // over the plan, 0.12 = 12 % faster
};
std::vector<Lever> levers(const Subject& subject, const Precision& precision, const Board& board, const Split& split,
                          const Constants& constants, const Load& load, const Mode& mode);

}  // namespace firstlight::harness::plan
