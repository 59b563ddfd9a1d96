// A plan: does the model fit, how fast would it be, which share of the theoretical maximum is that, what would help.
#pragma once

#include <optional>

#include "firstlight/harness/plan/fit.h"
#include "firstlight/harness/plan/speed.h"

namespace firstlight::harness::plan {

struct Request {
  std::string policy = "performance";
  int replicas = 0;  // 0: the fewest under which heads divide
  Load load{};
  Mode mode{};
};

struct Plan {
  Subject subject;
  Board board;
  Request request;
  Constants constants;
  Fit fit;
  ByteLedger ledger;  // of one replica: its users, its chips
  std::vector<Maximum> maxima;
  Speed speed;  // also of a model that does not fit, as if it did
  std::vector<TierResult> tiers;
  std::vector<Lever> levers;
  Json json() const;
};

// Throws kUsage for a policy that is not one, or replicas that do not divide.
Plan make_plan(const Subject& subject, const Board& board, const Constants& constants, const Request& request);

// The ledger of a subject under a policy.
ByteLedger subject_ledger(const Subject& subject, const run::Policy& policy, std::int64_t context, int batch);

Json step_json(const Step& step);

}  // namespace firstlight::harness::plan
