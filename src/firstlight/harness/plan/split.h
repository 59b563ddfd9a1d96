// How a model is cut over the chips of a board: data-parallel replicas, each split over one axis or over two.
#pragma once

#include <string>
#include <vector>

#include "firstlight/harness/boards.h"
#include "firstlight/harness/plan/subject.h"

namespace firstlight::harness::plan {

// Products that widen (QKV, gate, up, head) are cut along their outputs over `rows` and along their inputs over
// `columns`; those that narrow (O, down) the other way round. Heads go over `rows`, users over `columns`.
struct Split {
  int replicas = 1;
  int rows = 1;
  int columns = 1;
  int links_rows = 1;  // links between neighbours on each axis
  int links_columns = 1;
  int chips() const { return rows * columns; }  // of one replica
  std::string str() const;                      // "TP8", "DP4 x TP2", "TP 8x4"
};

// Throws kUsage unless `replicas` divides the chips.
Split split_board(const Board& board, int replicas);

// What does not divide; empty when the split is legal.
std::vector<std::string> split_problems(const Subject& subject, const Split& split);

// The numbers of replicas under which the split is legal, fewest first.
std::vector<int> legal_replicas(const Subject& subject, const Board& board);

// Tiles-and-all bytes of a weight on each chip of a replica, and its share of the matrix there.
struct Share {
  std::int64_t inputs = 0;   // K of the chip's part of one matrix
  std::int64_t outputs = 0;  // N
  double copies = 1;         // matrices of this kind that the chip holds (experts: 1 / chips of them)
};
Share share_of(const Subject& subject, const run::WeightRequest& request, const Split& split);

}  // namespace firstlight::harness::plan
