// Precision search: the policy with the highest predicted speed among those that hold the accuracy bar. Accuracy is
// measured on whatever device evaluates; speed is predicted for a subject and a board.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "firstlight/harness/plan/plan.h"
#include "firstlight/harness/tune/choices.h"
#include "firstlight/harness/tune/scores.h"

namespace firstlight::harness::tune {

// Scores of the model under a policy, given as a policy's name, file or JSON text.
using Evaluate = std::function<Scores(const std::string& policy)>;

struct Options {
  int bands = 3;            // of layers that choose together
  int points = 8;           // choices of the search's path that are measured
  bool fidelities = false;  // whether the device's results depend on fidelity settings
  double top1_bar = 0.8;    // shares
  double top5_bar = 0.95;
};

// What one change from the start costs and buys.
struct Sensitivity {
  std::size_t knob = 0;
  int option = 0;
  Paired loss;  // of the changed choice minus the start: above 0 is worse
  Paired top1;
  double speed_gain = 0;  // predicted, over the start
};

// One measured policy.
struct Point {
  std::string name;    // "path 3", or a stock profile's
  std::string policy;  // as Evaluate got it
  Choice choice;       // empty for a stock profile
  double tokens_per_s_per_user = 0;
  double top1 = 0;
  double top5 = 0;
  double loss = 0;
  Paired top1_difference;  // from the start
  Paired loss_difference;
  bool holds = false;     // both bars
  bool on_front = false;  // no other point is at least as fast and as accurate, and better in one
};

struct Result {
  Space space;
  std::int64_t layers = 0;  // of the tuned model
  std::vector<Sensitivity> sensitivities;
  std::vector<Point> points;  // stock profiles first, then the path from accurate to fast
  int chosen = -1;            // the fastest that holds, -1 when none does
  int evaluations = 0;
  std::string verdict;  // against the stock profiles, in words
  Json json() const;
};

// `stock` are names of policies to beat. Speeds are of `subject` on `board` under `request` (whose policy is ignored).
Result search(const Evaluate& evaluate, std::int64_t layers, const plan::Subject& subject, const Board& board,
              const plan::Constants& constants, const plan::Request& request, const std::vector<std::string>& stock,
              const Options& options);

// A picture of the points with their intervals: an SVG element.
std::string picture(const Result& result);

}  // namespace firstlight::harness::tune
