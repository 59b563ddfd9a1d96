// Boards: facts in boards/*.json, each with its source. A board is data only.
#pragma once

#include <string>
#include <vector>

#include "firstlight/base/json.h"

namespace firstlight::harness {

struct Board {
  std::string name;
  std::string summary;
  std::string arch;
  int chips = 1;
  double dram_bytes = 0;        // of all chips; capacities are 2^30-based
  double dram_bytes_per_s = 0;  // of all chips, nominal
  double flops_hifi2 = 0;       // of all chips, block-float rate
  std::string source;
  std::vector<std::string> notes;
};

// All boards, smallest first (chips, then DRAM). Throws kBadInput naming file and field.
std::vector<Board> load_boards();
// Throws kUsage naming the boards there are.
Board load_board(std::string_view name);

}  // namespace firstlight::harness
