// Fit of a model on a board.
#include "firstlight/harness/plan/fit.h"

#include <fmt/ranges.h>

namespace firstlight::harness::plan {
namespace {

std::string gigabytes(double bytes) { return fmt::format("{:.4g} GB", bytes / 1e9); }

void check_l1(Fit& fit, const std::vector<Work>& works, const Board& board, const Constants& constants,
              std::vector<std::string>& reasons) {
  const double capacity = l1_capacity(board, constants);
  for (L1Plan& plan : l1_plans(works, board, constants)) {
    if (plan.total() > capacity)
      reasons.push_back(fmt::format("{} in {} needs {:.0f} KiB of L1 with its smallest blocks, a core has {:.0f}",
                                    plan.op, plan.phase, plan.total() / 1024, capacity / 1024));
    fit.l1.push_back(std::move(plan));
  }
}

}  // namespace

Fit fit_board(const Subject& subject, const Precision& precision, const Board& board, const Split& split,
              const Constants& constants, const Load& load) {
  Fit fit;
  fit.board = board.name;
  fit.split = split;
  std::vector<std::string> reasons = split_problems(subject, split);
  const bool divides = reasons.empty();
  fit.memory = chip_memory(subject, precision, board, split, constants, load);
  if (!fit.memory.fits())
    reasons.push_back(
        fmt::format("a chip needs {} and has {}", gigabytes(fit.memory.needed), gigabytes(fit.memory.capacity)));
  fit.longest_context = longest_context(subject, precision, board, split, constants, load.batch);
  const model::Description& d = subject.description;
  if (d.max_positions > 0 && load.context > d.max_positions)
    reasons.push_back(
        fmt::format("a context of {} is more than the model's {} positions", load.context, d.max_positions));
  for (const run::Phase phase : {run::Phase::kDecode, run::Phase::kPrefill})
    check_l1(fit, step_work(subject, precision, split, load, phase), board, constants, reasons);
  if (const std::int64_t step = std::int64_t{32} * split.chips(); d.vocab_size % step != 0)
    fit.padding.push_back(fmt::format("vocabulary {} padded to {} over {} chips", d.vocab_size,
                                      round_up(d.vocab_size, step), split.chips()));
  fit.fits = reasons.empty();
  fit.why_not = fmt::format("{}", fmt::join(reasons, "; "));
  if (!divides)
    for (const int replicas : legal_replicas(subject, board)) {
      const Split legal = split_board(board, replicas);
      const ChipMemory memory = chip_memory(subject, precision, board, legal, constants, load);
      if (memory.fits()) fit.changes.push_back({legal.str(), fit.memory.needed - memory.needed, 0});
      if (fit.changes.size() == 3) break;
    }
  if (divides && !fit.memory.fits()) fit.changes = cheapest_changes(subject, precision, board, split, constants, load);
  return fit;
}

Json Fit::json() const {
  Json json = {{"board", board},
               {"split", split.str()},
               {"fits", fits},
               {"longest_context", longest_context},
               {"why_not", why_not},
               {"needed_bytes_per_chip", memory.needed},
               {"capacity_bytes_per_chip", memory.capacity}};
  json["memory"] = memory.json()["lines"];
  json["padding"] = padding;
  json["changes"] = Json::array();
  for (const Change& change : changes)
    json["changes"].push_back({{"what", change.what},
                               {"saves_bytes_per_chip", change.saves_bytes},
                               {"adds_bytes_per_chip", change.adds_bytes}});
  json["l1"] = Json::array();
  for (const L1Plan& plan : l1)
    json["l1"].push_back({{"op", plan.op},
                          {"phase", plan.phase},
                          {"blocks", plan.blocks},
                          {"activation_bytes", plan.activations},
                          {"weight_bytes", plan.weights},
                          {"output_bytes", plan.outputs}});
  return json;
}

}  // namespace firstlight::harness::plan
