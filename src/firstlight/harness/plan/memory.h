// DRAM of one chip: what a model takes there by context length and batch, the longest context that fits, and what to
// change when nothing does.
#pragma once

#include "firstlight/harness/plan/constants.h"
#include "firstlight/harness/plan/precision.h"
#include "firstlight/harness/plan/split.h"

namespace firstlight::harness::plan {

// What is planned for.
struct Load {
  std::int64_t context = 4096;  // cached positions of each user
  int batch = 1;                // users, over all replicas
  std::int64_t prompt = 128;    // tokens of the prompt whose prefill is timed
};

struct MemoryLine {
  std::string name;    // "ff1_3", "kv_cache", "activations", ...
  std::string format;  // "" where there is none
  double bytes = 0;    // on each chip
  std::string note;
};

struct ChipMemory {
  std::vector<MemoryLine> lines;
  double needed = 0;
  double capacity = 0;
  bool fits() const { return needed <= capacity; }
  Json json() const;
};

ChipMemory chip_memory(const Subject& subject, const Precision& precision, const Board& board, const Split& split,
                       const Constants& constants, const Load& load);

// The longest context of every user of the batch that fits, at most the model's positions (2^20 where it has no
// limit); 0 when none does.
std::int64_t longest_context(const Subject& subject, const Precision& precision, const Board& board, const Split& split,
                             const Constants& constants, int batch);

// Something that would make the model fit, with what it saves on each chip, or what another board's chips have more.
struct Change {
  std::string what;
  double saves_bytes = 0;
  double adds_bytes = 0;
};

// The three cheapest changes that make the load fit: those that give up the fewest bytes, one change where one is
// enough, else several formats together, else another board, first of the same architecture.
std::vector<Change> cheapest_changes(const Subject& subject, const Precision& precision, const Board& board,
                                     const Split& split, const Constants& constants, const Load& load);

// Launches of one decode step, the unit of the trace region.
double step_launches(const Subject& subject, const Split& split);

}  // namespace firstlight::harness::plan
