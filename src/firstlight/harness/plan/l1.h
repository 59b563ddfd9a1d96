// L1 of one core: the buffers that each op's plan holds there at once.
#pragma once

#include "firstlight/harness/plan/timing.h"

namespace firstlight::harness::plan {

// One op's buffers, bytes on the fullest core.
struct L1Plan {
  std::string op;
  std::string phase;   // "decode" or "prefill"
  std::string blocks;  // "K blocks of 8 tiles, 11 output tiles"
  double activations = 0;
  double weights = 0;  // or keys and values
  double outputs = 0;  // results and partial sums
  double total() const { return activations + weights + outputs; }
};

// Of every distinct product and attention of the step; blocks shrink until they fit or can shrink no further.
std::vector<L1Plan> l1_plans(const std::vector<Work>& works, const Board& board, const Constants& constants);

// What a core has for them.
double l1_capacity(const Board& board, const Constants& constants);

}  // namespace firstlight::harness::plan
