// Cutting weights over a mesh.
#include "firstlight/harness/plan/split.h"

#include "firstlight/base/error.h"
#include "firstlight/harness/roofline.h"

namespace firstlight::harness::plan {

std::string Split::str() const {
  const std::string tensor = columns > 1 ? fmt::format("TP {}x{}", rows, columns) : fmt::format("TP{}", rows);
  return replicas > 1 ? fmt::format("DP{} x {}", replicas, tensor) : tensor;
}

Split split_board(const Board& board, int replicas) {
  if (replicas < 1 || board.chips % replicas != 0)
    fail(Category::kUsage, "--replicas", "{} replicas do not divide the {} chips of {}", replicas, board.chips,
         board.name);
  Split split;
  split.replicas = replicas;
  split.links_rows = std::max(1, board.links_per_axis[0]);
  split.links_columns = std::max(1, board.links_per_axis[1]);
  if (replicas == 1 && board.mesh_rows > 1 && board.mesh_columns > 1) {
    split.rows = board.mesh_rows;
    split.columns = board.mesh_columns;
  } else {
    split.rows = board.chips / replicas;
    if (board.mesh_rows == 1) std::swap(split.links_rows, split.links_columns);
  }
  return split;
}

std::vector<std::string> split_problems(const Subject& subject, const Split& split) {
  const model::Description& d = subject.description;
  std::vector<std::string> problems;
  if (d.heads > 0 && d.heads % split.rows != 0)
    problems.push_back(fmt::format("{} heads do not divide by {} chips", d.heads, split.rows));
  if (d.heads > 0 && d.kv_heads % split.rows != 0)
    problems.push_back(fmt::format("{} KV heads do not divide by {} chips", d.kv_heads, split.rows));
  return problems;
}

std::vector<int> legal_replicas(const Subject& subject, const Board& board) {
  std::vector<int> legal;
  for (int replicas = 1; replicas <= board.chips; ++replicas)
    if (board.chips % replicas == 0 && split_problems(subject, split_board(board, replicas)).empty())
      legal.push_back(replicas);
  return legal;
}

Share share_of(const Subject& subject, const run::WeightRequest& request, const Split& split) {
  Share share;
  if (request.kind == run::WeightKind::kVector) return {1, request.shape.elements(), 1};
  share.inputs = request.shape[0];
  share.outputs = request.shape[1];
  if (request.kind == run::WeightKind::kTable) {  // [V, H], each chip holds a part of every row
    share.outputs = ceil_div(share.outputs, split.chips());
    return share;
  }
  if (is_expert(request) && subject.experts % split.chips() == 0) {
    share.copies = 1.0 / split.chips();  // whole experts lie on chips
    return share;
  }
  switch (request.group) {
    case run::Group::kLmHead:
      share.outputs = ceil_div(share.outputs, split.chips());
      break;
    case run::Group::kWo:
    case run::Group::kFf2:
      share.inputs = ceil_div(share.inputs, split.rows);
      share.outputs = ceil_div(share.outputs, split.columns);
      break;
    default:
      share.inputs = ceil_div(share.inputs, split.columns);
      share.outputs = ceil_div(share.outputs, split.rows);
  }
  return share;
}

}  // namespace firstlight::harness::plan
