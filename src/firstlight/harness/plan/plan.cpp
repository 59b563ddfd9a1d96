// Assembling a plan, and its record.
#include "firstlight/harness/plan/plan.h"

#include <algorithm>

#include "firstlight/base/error.h"

namespace firstlight::harness::plan {
namespace {

constexpr std::string_view kTierTarget = "bounty";

Json op_json(const OpLine& line) {
  const Work& work = line.work;
  Json json = {{"op", work.name},
               {"times", work.times},
               {"bound", line.time.bound()},
               {"us", 1e6 * line.time.total()},
               {"step_ms", 1e3 * line.seconds},
               {"dram_us", 1e6 * line.time.dram},
               {"matrix_us", 1e6 * line.time.matrix},
               {"vector_us", 1e6 * line.time.vector},
               {"noc_us", 1e6 * line.time.noc},
               {"links_us", 1e6 * line.time.links},
               {"dispatch_us", 1e6 * line.time.dispatch},
               {"dram_bytes", work.dram_bytes}};
  if (work.kind == WorkKind::kProduct || work.kind == WorkKind::kAttention) {
    json["format"] = format_name(work.format);
    json["phases"] = work.phases;
    json["cores"] = line.time.cores;
    json["tile_products_per_core"] = line.time.tile_products;
  }
  if (work.kind == WorkKind::kProduct) json["shape"] = {work.m, work.k, work.n};
  if (work.kind == WorkKind::kCollective) {
    json["link_bytes"] = work.link_bytes;
    json["chips"] = work.axis_chips;
  }
  return json;
}

}  // namespace

ByteLedger subject_ledger(const Subject& subject, const run::Policy& policy, std::int64_t context, int batch) {
  const model::Description& d = subject.description;
  double bytes = 0;
  Format format = Format::bf16;
  for (const auto& layer : subject.kv_layers) {
    format = policy.format(layer.key, run::Group::kKvCache);
    const std::int64_t positions = layer.window > 0 ? std::min(context, layer.window) : context;
    bytes += static_cast<double>(2 * d.kv_heads * row_bytes(format, d.head_dim)) * static_cast<double>(positions);
  }
  return byte_ledger(
      LedgerSource{subject.requests, bytes, format, ExpertUse{subject.experts, subject.experts_per_token}}, policy,
      context, batch, Padding::kTiles);
}

Plan make_plan(const Subject& subject, const Board& board, const Constants& constants, const Request& request) {
  Plan plan;
  plan.subject = subject;
  plan.board = board;
  plan.constants = constants;
  plan.request = request;
  if (request.load.batch < 1 || request.load.context < 1 || request.load.prompt < 1)
    fail(Category::kUsage, "plan", "context, batch and prompt must be at least 1");
  if (plan.request.replicas == 0) {
    const std::vector<int> legal = legal_replicas(subject, board);
    plan.request.replicas = legal.empty() ? 1 : legal.front();
  }
  const Split split = split_board(board, plan.request.replicas);
  const auto policy = run::Policy::load(request.policy, subject.name, static_cast<int>(subject.description.layers));
  const Precision precision(policy);
  plan.fit = fit_board(subject, precision, board, split, constants, request.load);
  const int users = static_cast<int>(ceil_div(request.load.batch, split.replicas));
  plan.ledger = subject_ledger(subject, policy, request.load.context, users);
  plan.maxima = maxima(plan.ledger, board.dram_bytes_per_s() / split.replicas,
                       split.replicas > 1 ? fmt::format("{}, nominal, one of {} replicas", board.name, split.replicas)
                                          : board.name + ", nominal");
  plan.speed = predict(subject, precision, board, split, constants, request.load, request.mode);
  plan.tiers = tiers(plan.speed.tokens_per_s_per_user, plan.maxima, Target::load(kTierTarget));
  plan.levers = levers(subject, precision, board, split, constants, request.load, request.mode);
  return plan;
}

Json step_json(const Step& step) {
  Json ops = Json::array();
  for (const OpLine& line : step.ops) ops.push_back(op_json(line));
  return {{"ms", 1e3 * step.seconds()},
          {"ops_ms", 1e3 * step.ops_seconds},
          {"host_ms", 1e3 * step.host_seconds},
          {"ops", std::move(ops)}};
}

Json Plan::json() const {
  Json json = {{"model", subject.name},
               {"architecture", subject.description.architecture},
               {"parameters", subject.parameters},
               {"policy", request.policy},
               {"board", board.name},
               {"split", fit.split.str()},
               {"context", request.load.context},
               {"batch", request.load.batch},
               {"prompt", request.load.prompt},
               {"traced", request.mode.traced},
               {"sharded_reads", request.mode.sharded},
               {"host_sampling", request.mode.host_sampling},
               {"fused", request.mode.fused}};
  json["fit"] = fit.json();
  json["ledger"] = ledger.json();
  json["speed"] = {{"tokens_per_s_per_user", speed.tokens_per_s_per_user},
                   {"tokens_per_s", speed.tokens_per_s},
                   {"ttft_ms", speed.ttft_ms},
                   {"decode", step_json(speed.decode)},
                   {"prefill", step_json(speed.prefill)}};
  json["maxima"] = Json::array();
  for (std::size_t i = 0; i < maxima.size(); ++i)
    json["maxima"].push_back({{"definition", maxima[i].definition},
                              {"formula", maxima[i].formula},
                              {"tokens_per_s_per_user", maxima[i].tokens_per_s_per_user},
                              {"predicted_share", tiers[i].share},
                              {"tier", tiers[i].tier}});
  json["levers"] = Json::array();
  for (const Lever& lever : levers)
    json["levers"].push_back({{"kind", lever.kind},
                              {"what", lever.what},
                              {"tokens_per_s_per_user", lever.tokens_per_s_per_user},
                              {"gain", lever.gain}});
  json["constants"] = constants.json();
  return json;
}

}  // namespace firstlight::harness::plan
