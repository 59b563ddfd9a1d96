// `firstlight bringup`: the main job.
#include "firstlight/harness/bringup.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "firstlight/app/cli/flags.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/app/cli/verdicts.h"
#include "firstlight/base/error.h"
#include "firstlight/run/policy.h"

namespace firstlight::app {
namespace {

struct BringupFlags {
  ModelFlags model;
  DeviceFlags device;
  OutputFlags output;
  harness::BringupOptions options;
};

Json result_json(const harness::BringupResult& result) {
  Json json = result.header;
  json["passed"] = result.passed();
  json["phases"] = Json::array();
  json["verdicts"] = Json::array();
  for (const harness::PhaseResult& phase : result.phases) {
    json["phases"].push_back({{"phase", phase.phase},
                              {"outcome", harness::outcome_name(phase.outcome())},
                              {"seconds", phase.seconds},
                              {"stopped_by", phase.stopped_by}});
    for (const harness::Verdict& verdict : phase.verdicts) {
      Json line = {{"phase", phase.phase}};
      line.update(verdict.json());
      json["verdicts"].push_back(std::move(line));
    }
  }
  json["report"] = result.report.string();
  json["record"] = result.record.string();
  return json;
}

int run_bringup(BringupFlags& flags, const Invocation& invocation) {
  // Wrong flags are refused before anything is written.
  flags.model.check_folder();
  flags.device.open_computing();
  run::Policy::load(flags.model.policy);
  harness::BringupOptions& options = flags.options;
  options.model = flags.model.folder;
  options.device = flags.device.device;
  options.policy = flags.model.policy;
  options.cache_dir = flags.model.cache_dir;
  options.waivers = flags.model.waivers;
  options.command = invocation.command_line;

  const auto open = [&](std::string_view name, int threads) { return flags.device.open(name, threads); };
  const auto on_phase = [&](const harness::PhaseResult& phase) {
    if (flags.output.quiet) return;
    fmt::print(stderr, "{:<16}{:<10}{:7.1f} s{}\n", phase.phase, harness::outcome_name(phase.outcome()), phase.seconds,
               phase.stopped_by.empty() ? "" : "  could not run: " + phase.stopped_by);
  };
  const harness::BringupResult result = harness::bring_up(options, open, on_phase);
  if (flags.output.json) {
    print_json(result_json(result));
  } else {
    fmt::print("{}\n{}\n", verdict_table(result.phases, colour_on_stdout()), verdict_summary(result.phases));
    fmt::print("report  {}\nrecord  {}\n", result.report.string(), result.record.string());
  }
  return exit_code(result.phases);
}

}  // namespace

Action declare_bringup(CLI::App& command) {
  const auto flags = std::make_shared<BringupFlags>();
  harness::BringupOptions& options = flags->options;
  add_model_flags(command, flags->model);
  add_policy_flag(command, flags->model.policy);
  add_device_flags(command, flags->device);
  add_emulation_flags(command, flags->device);
  command.add_option("--target", options.target, "The bars: a name in targets/")
      ->type_name("NAME")
      ->capture_default_str();
  command
      .add_option(
          "--reference", options.reference,
          "Reference to hold accuracy to: reference.json, .refpt, or a capsule [beside the model, else our own]")
      ->type_name("FILE")
      ->check(existing_file());
  command.add_option("--text", options.text, "Accuracy text of our own reference [models/eval]")
      ->type_name("FILE")
      ->check(existing_file());
  command.add_option("-o,--out", options.out, "Folder of the report and the record [firstlight-out/<model>-<device>]")
      ->type_name("DIR");
  command.add_option("--prompt", options.prompt, "Prompt of the sample text")->type_name("TEXT")->capture_default_str();
  command
      .add_option("--prefill-tokens", options.prefill_tokens,
                  "Tokens of the component check's prefill; 0 = the target's")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(0));
  command.add_option("--invariance-tokens", options.invariance.tokens, "Tokens of the invariance checks")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(1));
  constexpr const char* kBench = "Speed";
  const auto number = [&](const char* name, auto& value, const char* help) {
    command.add_option(name, value, help)->type_name("N")->capture_default_str()->check(between(1))->group(kBench);
  };
  number("--prompt-tokens", options.bench.prompt, "Prompt tokens of each user");
  number("--generate", options.bench.generate, "Decode steps");
  number("--batch", options.bench.batch, "Users at once");
  number("--repeats", options.bench.repeats, "Repeats; the median counts");
  command
      .add_option("--probe-seconds", options.bench.probe_seconds, "Time of each bandwidth and peak probe, in seconds")
      ->type_name("S")
      ->capture_default_str()
      ->check(between(0, 60))
      ->group(kBench);
  add_output_flags(command, flags->output);
  add_examples(command, {"firstlight bringup MODEL", "firstlight bringup MODEL --policy bfp8 --out out/bfp8",
                         "firstlight bringup MODEL --reference Model.refpt --json"});
  return [flags](const Invocation& invocation) { return run_bringup(*flags, invocation); };
}

}  // namespace firstlight::app
