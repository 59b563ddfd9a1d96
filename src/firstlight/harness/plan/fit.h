// Does a model fit a board: chips it divides over, DRAM, L1; how far; and if not, what to change.
#pragma once

#include "firstlight/harness/plan/l1.h"
#include "firstlight/harness/plan/memory.h"

namespace firstlight::harness::plan {

struct Fit {
  std::string board;
  Split split;
  bool fits = false;
  ChipMemory memory;                 // of one chip at the load
  std::int64_t longest_context = 0;  // of each user of the batch; 0 when the weights alone are too much
  std::string why_not;               // everything that does not divide or fit
  std::vector<Change> changes;       // the cheapest, when it does not fit
  std::vector<L1Plan> l1;            // of every product and attention
  std::vector<std::string> padding;  // what is padded to divide: the vocabulary over the chips
  Json json() const;
};

Fit fit_board(const Subject& subject, const Precision& precision, const Board& board, const Split& split,
              const Constants& constants, const Load& load);

}  // namespace firstlight::harness::plan
