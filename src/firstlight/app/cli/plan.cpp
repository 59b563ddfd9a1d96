// `firstlight plan`: does a model fit a board, how fast would it be, and what would help; from dimensions alone.
#include "firstlight/harness/plan/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "firstlight/app/cli/flags.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/base/error.h"

namespace firstlight::app {
namespace {

using harness::plan::Plan;

constexpr std::int64_t kDefaultContext = 4096;

struct PlanFlags {
  std::filesystem::path path;
  std::string entry;
  std::string board;
  std::string timing{harness::plan::default_constants()};
  std::int64_t context = 0;
  harness::plan::Request request;
  bool eager = false;
  bool interleaved = false;
  std::string sampling = "device";
  OutputFlags output;
};

std::string whole_percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

std::string format_text(const harness::plan::Work& work) {
  const bool counted =
      work.kind == harness::plan::WorkKind::kProduct || work.kind == harness::plan::WorkKind::kAttention;
  return counted ? std::string(format_name(work.format)) : "";
}

std::string shape_text(const harness::plan::Work& work) {
  switch (work.kind) {
    case harness::plan::WorkKind::kProduct:
      return fmt::format("{} x {} x {}", work.m, work.k, work.n);
    case harness::plan::WorkKind::kAttention:
      return fmt::format("{} heads x {} x {}", work.pairs, work.positions, work.head_dim);
    case harness::plan::WorkKind::kCollective:
      return fmt::format("{} chips, {}", work.axis_chips, human_bytes(work.link_bytes));
    default:
      return "";
  }
}

void print_fit(const Plan& plan) {
  const harness::plan::Fit& fit = plan.fit;
  fmt::print("Fits: {}{}\n", fit.fits ? "yes" : "no", fit.why_not.empty() ? "" : "; " + fit.why_not);
  fmt::print("Longest context at batch {}: {}\n", plan.request.load.batch,
             fit.longest_context > 0 ? std::to_string(fit.longest_context) : "none");
  if (!fit.padding.empty()) fmt::print("Padding: {}\n", fmt::join(fit.padding, "; "));
  if (!fit.changes.empty()) {
    fmt::print("Cheapest changes that would make it fit\n");
    for (const auto& change : fit.changes) {
      fmt::print("  {}: ", change.what);
      if (change.saves_bytes > 0) fmt::print("saves {} a chip", human_bytes(change.saves_bytes));
      if (change.saves_bytes < 0) fmt::print("takes {} more a chip", human_bytes(-change.saves_bytes));
      if (change.adds_bytes > 0)
        fmt::print("{}has {} more a chip", change.saves_bytes != 0 ? ", " : "", human_bytes(change.adds_bytes));
      fmt::print("\n");
    }
  }
  fmt::print("\nDRAM of one chip\n");
  Table memory({"", "what", "format", "bytes", "note"});
  for (const auto& line : fit.memory.lines)
    memory.add({"", line.name, line.format, human_bytes(line.bytes), line.note});
  memory.add({"", "needed", "", human_bytes(fit.memory.needed), ""});
  memory.add(
      {"", "there is", "", human_bytes(fit.memory.capacity),
       fmt::format("after {} a bank for the allocator", human_bytes(plan.constants.dram_reserve_bytes_per_bank))});
  fmt::print("{}", memory.str());
  fmt::print("\nL1 of the fullest core ({:.0f} KiB for buffers)\n",
             harness::plan::l1_capacity(plan.board, plan.constants) / 1024);
  Table l1({"", "op", "phase", "KiB", "activations", "weights or KV", "outputs", "blocks"});
  const auto kib = [](double bytes) { return fmt::format("{:.0f}", bytes / 1024); };
  for (const auto& op : fit.l1)
    l1.add({"", op.op, op.phase, kib(op.total()), kib(op.activations), kib(op.weights), kib(op.outputs), op.blocks});
  fmt::print("{}", l1.str());
}

void print_step(const char* title, const harness::plan::Step& step) {
  fmt::print("\n{}: {:.4g} ms, of them host {:.4g} ms\n", title, 1e3 * step.seconds(), 1e3 * step.host_seconds);
  Table table({"", "op", "times", "shape on a chip", "format", "phases", "cores", "DRAM us", "matrix us", "vector us",
               "NoC us", "links us", "us each", "ms in all", "share", "bound"});
  std::vector<const harness::plan::OpLine*> lines;
  for (const auto& line : step.ops) lines.push_back(&line);
  std::ranges::stable_sort(lines, {}, [](const auto* line) { return -line->seconds; });
  const auto us = [](double seconds) { return seconds > 0 ? fmt::format("{:.1f}", 1e6 * seconds) : std::string(); };
  for (const auto* line : lines) {
    const harness::plan::Work& work = line->work;
    table.add({"", work.name, fmt::format("{:.4g}", work.times), shape_text(work), format_text(work),
               work.phases > 0 ? std::to_string(work.phases) : "",
               line->time.cores > 0 ? std::to_string(line->time.cores) : "", us(line->time.dram), us(line->time.matrix),
               us(line->time.vector), us(line->time.noc), us(line->time.links), us(line->time.total()),
               fmt::format("{:.3f}", 1e3 * line->seconds), whole_percent(line->seconds / step.seconds()),
               std::string(line->time.bound())});
  }
  fmt::print("{}", table.str());
}

void print_maxima(const Plan& plan) {
  fmt::print("\nTheoretical maximum, t/s/u\n");
  Table table({"", "definition", "maximum", "predicted", "share", "tier", "formula"});
  for (std::size_t i = 0; i < plan.maxima.size(); ++i)
    table.add({"", plan.maxima[i].definition, human_number(plan.maxima[i].tokens_per_s_per_user),
               human_number(plan.speed.tokens_per_s_per_user), whole_percent(plan.tiers[i].share), plan.tiers[i].tier,
               plan.maxima[i].formula});
  fmt::print("{}", table.str());
  fmt::print("\nLevers on decode, one at a time\n");
  Table levers({"", "lever", "what", "t/s/u", "gain"});
  for (const auto& lever : plan.levers)
    levers.add({"", lever.kind, lever.what, human_number(lever.tokens_per_s_per_user),
                fmt::format("{:+.1f} %", 100 * lever.gain)});
  fmt::print("{}", levers.str());
}

void print_constants(const harness::plan::Constants& constants) {
  fmt::print("\nAssumed constants ({}: {})\n", constants.name, constants.summary);
  Table table({"", "constant", "value", "unit", "what", "source"});
  for (std::size_t i = 0; i < harness::plan::constant_rows().size(); ++i) {
    const auto& row = harness::plan::constant_rows()[i];
    table.add({"", std::string(row.name), fmt::format("{:.6g}", constants.*row.value), std::string(row.unit),
               std::string(row.what), constants.sources[i]});
  }
  fmt::print("{}", table.str());
}

void print_plan(const Plan& plan) {
  const harness::plan::Request& request = plan.request;
  fmt::print("{} ({} parameters) on {}, {}, {}\n", plan.subject.name, human_count(plan.subject.parameters),
             plan.board.name, plan.fit.split.str(), request.policy);
  fmt::print("context {}, batch {}, prompt {}; {}, {} reads, sampling on the {}\n\n", request.load.context,
             request.load.batch, request.load.prompt, request.mode.traced ? "traced" : "eager",
             request.mode.sharded ? "sharded" : "interleaved", request.mode.host_sampling ? "host" : "device");
  print_fit(plan);
  fmt::print("\nPredicted{}: {} t/s/u, {} t/s, TTFT {:.4g} ms\n", plan.fit.fits ? "" : " (as if it fitted)",
             human_number(plan.speed.tokens_per_s_per_user), human_number(plan.speed.tokens_per_s), plan.speed.ttft_ms);
  print_step("Decode step", plan.speed.decode);
  print_step("Prefill of one prompt", plan.speed.prefill);
  print_maxima(plan);
  print_constants(plan.constants);
}

// One line a model and board.
Json summary_json(const Plan& plan) {
  Json json = plan.json();
  for (const char* part : {"ledger", "constants", "levers"}) json.erase(part);
  json["fit"].erase("l1");
  json["fit"].erase("memory");
  json["speed"].erase("decode");
  json["speed"].erase("prefill");
  return json;
}

int print_summary(const std::vector<Plan>& plans, bool as_json) {
  if (as_json) {
    Json list = Json::array();
    for (const Plan& plan : plans) list.push_back(summary_json(plan));
    print_json(list);
    return 0;
  }
  std::vector<std::string> head = {"MODEL", "BOARD", "SPLIT", "FITS", "LONGEST CONTEXT", "T/S/U", "T/S", "TTFT MS"};
  for (const auto& maximum : plans.front().maxima) head.push_back("OF " + maximum.definition);
  head.emplace_back("WHY NOT");
  Table table(head);
  for (const Plan& plan : plans) {
    std::vector<std::string> cells = {plan.subject.name,
                                      plan.board.name,
                                      plan.fit.split.str(),
                                      plan.fit.fits ? "yes" : "no",
                                      std::to_string(plan.fit.longest_context),
                                      human_number(plan.speed.tokens_per_s_per_user),
                                      human_number(plan.speed.tokens_per_s),
                                      fmt::format("{:.4g}", plan.speed.ttft_ms)};
    for (const auto& tier : plan.tiers) cells.push_back(whole_percent(tier.share));
    cells.push_back(plan.fit.why_not);
    table.add(std::move(cells));
  }
  const harness::plan::Plan& first = plans.front();
  fmt::print("{}", table.str(colour_on_stdout()));
  fmt::print("{}, batch {}, prompt {}; speeds are predictions ({} constants), also where it does not fit\n",
             first.request.policy, first.request.load.batch, first.request.load.prompt, first.constants.name);
  return 0;
}

int execute(PlanFlags flags) {
  const auto constants = harness::plan::Constants::load(flags.timing);
  const std::vector<harness::Board> boards =
      flags.board.empty() ? harness::load_boards() : std::vector{harness::load_board(flags.board)};
  flags.request.mode.traced = !flags.eager;
  flags.request.mode.sharded = !flags.interleaved;
  flags.request.mode.host_sampling = flags.sampling == "host";
  std::vector<Plan> plans;
  for (const harness::plan::Subject& subject : harness::plan::load_subjects(flags.path, flags.entry)) {
    harness::plan::Request request = flags.request;
    const std::int64_t positions = subject.description.max_positions;
    request.load.context = flags.context > 0 ? flags.context
                           : positions > 0   ? std::min(kDefaultContext, positions)
                                             : kDefaultContext;
    for (const harness::Board& board : boards) plans.push_back(make_plan(subject, board, constants, request));
  }
  if (plans.size() > 1) return print_summary(plans, flags.output.json);
  if (flags.output.json)
    print_json(plans.front().json());
  else
    print_plan(plans.front());
  return 0;
}

}  // namespace

Action declare_plan(CLI::App& command) {
  const auto flags = std::make_shared<PlanFlags>();
  command
      .add_option("PATH", flags->path, "Checkpoint folder, config.json, or a table of dimensions; no weights are read")
      ->type_name("")
      ->required();
  command.add_option("--entry", flags->entry, "One model of a table of dimensions; without it, all")->type_name("NAME");
  command
      .add_option("--board", flags->board,
                  "A board (see: firstlight list boards) or the path of a board file; without it, every board")
      ->type_name("NAME");
  add_policy_flag(command, flags->request.policy);
  command
      .add_option("-c,--context,--ctx-size", flags->context,
                  fmt::format("Cached positions of each user; by default {} or what the model has", kDefaultContext))
      ->type_name("N")
      ->check(between(1));
  command.add_option("--batch", flags->request.load.batch, "Users, over all replicas")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(1, 65536));
  command.add_option("--prompt", flags->request.load.prompt, "Tokens of the prompt that TTFT is predicted for")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(1));
  command
      .add_option("--replicas", flags->request.replicas,
                  "Data-parallel replicas, each tensor-parallel over its chips; by default the fewest that divide")
      ->type_name("N")
      ->check(between(1, 65536));
  command.add_flag("--eager", flags->eager, "Decode dispatched by the host, not replayed from a trace");
  command.add_flag("--interleaved", flags->interleaved, "Decode reads weights interleaved, not bank by bank");
  command.add_flag("--fused", flags->request.mode.fused, "Element-wise ops ride along with products");
  command.add_option("--sampling", flags->sampling, "Where the next token is chosen: device or host")
      ->type_name("WHERE")
      ->capture_default_str()
      ->check(CLI::IsMember({"device", "host"}));
  command.add_option("--timing", flags->timing, "Constants of a stack, in boards/timing, or the path of such a file")
      ->type_name("NAME")
      ->capture_default_str();
  add_output_flags(command, flags->output);
  add_examples(command, {"firstlight plan MODEL --board n150",
                         "firstlight plan config.json --board t3k --policy accuracy --context 32768 --batch 32",
                         "firstlight plan dims.json --board my_board.json --json"});
  return [flags](const Invocation&) { return execute(*flags); };
}

}  // namespace firstlight::app
