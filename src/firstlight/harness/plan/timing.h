// How long one op takes on one chip: each resource's time, and the one that bounds it.
#pragma once

#include "firstlight/harness/plan/workload.h"

namespace firstlight::harness::plan {

// How the stack runs a step.
struct Mode {
  bool traced = true;          // decode is replayed from a trace
  bool sharded = true;         // decode reads weights bank by bank
  bool fused = false;          // element-wise ops ride along with products
  bool host_sampling = false;  // logits are copied to the host and sampled there
};

// Seconds of one launch by resource. They overlap but for dispatch: a launch takes the largest plus dispatch.
struct OpTime {
  double dram = 0;
  double matrix = 0;
  double vector = 0;
  double noc = 0;
  double links = 0;
  double dispatch = 0;
  int cores = 0;
  double tile_products = 0;  // of the busiest core

  double work() const;
  double total() const { return work() + dispatch; }
  std::string_view bound() const;  // "DRAM", "matrix unit", "vector unit", "NoC", "links", "dispatch"
};

OpTime op_time(const Work& work, const Board& board, const Constants& constants, const Mode& mode);

// Columns and rows of the grid that a chip's cores make, the squarest that uses all.
struct Grid {
  std::int64_t rows = 1;
  std::int64_t columns = 1;
};
Grid core_grid(int cores);

}  // namespace firstlight::harness::plan
