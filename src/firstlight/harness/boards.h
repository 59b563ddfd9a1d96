// Boards: facts in boards/*.json, each figure with its source. A board is data only: nothing in the code knows a name.
//
// A board file: {"name", "summary", "arch": text, "chips", "mesh": figures, "per_chip": {field: figure, ...},
//   "links": {field: figure, ...} (several chips only), "notes": [text, ...] (optional)}
// where a figure is {"value": number or [rows, columns], "source": text}. Every other field is refused.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/base/json.h"

namespace firstlight::harness {

// What one chip has.
struct Chip {
  int compute_cores = 0;  // that ops may use
  double clock_hz = 0;
  double l1_bytes_per_core = 0;
  double noc_bytes_per_cycle = 0;  // of a hop, one direction
  double dram_bytes = 0;           // capacities are 2^30-based
  double dram_bytes_per_s = 0;     // nominal
  int dram_banks = 0;
  double flops_lofi = 0;  // by fidelity, as published
  double flops_hifi2 = 0;
  double flops_hifi4 = 0;
};

struct Board {
  std::string name;
  std::string summary;
  std::string arch;
  int chips = 1;
  int mesh_rows = 1;  // the mesh that a model is split over; one row or one column: one axis
  int mesh_columns = 1;
  Chip chip;
  double link_bytes_per_s = 0;  // one link between neighbours, one direction; 0 on a single chip
  int links_per_axis[2] = {0, 0};
  std::map<std::string, std::string, std::less<>> sources;  // "per_chip.dram_gib" -> where the figure comes from
  std::vector<std::string> notes;

  // Of all chips.
  double dram_bytes() const { return chips * chip.dram_bytes; }
  double dram_bytes_per_s() const { return chips * chip.dram_bytes_per_s; }
  double flops_hifi2() const { return chips * chip.flops_hifi2; }
};

// All boards of the project, smallest first (chips, then DRAM). Throws kBadInput naming file and field.
std::vector<Board> load_boards();
// A name of the list, or the path of a board file. Throws kUsage naming the boards there are.
Board load_board(std::string_view name);
Board board_from_json(const Json& json, std::string_view where);

}  // namespace firstlight::harness
