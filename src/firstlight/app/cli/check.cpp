// `firstlight check`: components, teacher forcing and invariance, each with its verdicts.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "firstlight/app/cli/flags.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/app/cli/verdicts.h"
#include "firstlight/base/error.h"
#include "firstlight/harness/capsule.h"
#include "firstlight/harness/component_check.h"
#include "firstlight/harness/dump_check.h"
#include "firstlight/harness/invariance.h"
#include "firstlight/harness/teacher_forcing.h"

namespace firstlight::app {
namespace {

constexpr std::string_view kOwn = "own";

struct CheckFlags {
  ModelFlags model;
  DeviceFlags device;
  OutputFlags output;
  std::string phase = "all";
  std::string reference;
  std::filesystem::path refpt;
  std::filesystem::path text;
  std::filesystem::path dump;
  std::string target = "bounty";
  harness::ComponentOptions components;
  harness::InvarianceOptions invariance;
  std::int64_t chunk = 512;

  bool wants(std::string_view name) const { return phase == "all" || phase == name; }
};

// What the phases share. Engines are made when the first phase needs them.
struct Job {
  CheckFlags& flags;
  harness::Target target;
  std::unique_ptr<device::Device> device;
  std::unique_ptr<device::Device> reference_device;
  std::unique_ptr<pipeline::Engine> engine;
  std::unique_ptr<pipeline::Engine> reference;
  harness::Capsule capsule;  // of the reference, or the ids alone

  pipeline::Engine& reference_engine() {
    if (reference == nullptr) {
      reference_device = flags.device.open(device::reference_device(), 0);
      reference =
          std::make_unique<pipeline::Engine>(flags.model.folder, *reference_device, flags.model.engine_options("f32"));
    }
    return *reference;
  }
  std::vector<std::int32_t> text_ids() {
    return harness::accuracy_ids(*engine, flags.text, harness::text_tokens(engine->model(), target));
  }
};

// The reference file that the flags name, or the one beside the model.
std::filesystem::path reference_path(const CheckFlags& flags) {
  if (!flags.refpt.empty()) return flags.refpt;
  if (!flags.reference.empty()) return flags.reference;
  return harness::find_capsule(flags.model.folder);
}

void load_reference(Job& job) {
  if (job.flags.reference == kOwn) {
    if (job.flags.wants("full"))
      job.capsule = harness::make_capsule(job.reference_engine(), job.text_ids(), 0);
    else
      job.capsule.ids = job.text_ids();
    return;
  }
  const std::filesystem::path path = reference_path(job.flags);
  if (!path.empty()) {
    job.capsule = harness::load_capsule(path);
    harness::check_belongs(*job.engine, job.capsule);
  } else if (job.flags.wants("full")) {
    fail(Category::kBadInput, job.flags.model.folder.string(),
         "no reference stands beside the model (reference.json, *.refpt, reference.safetensors); give one with "
         "--reference FILE, or take our own with --reference own");
  } else {
    job.capsule.ids = job.text_ids();  // the other phases need a text only
  }
}

harness::PhaseResult components(Job& job) {
  harness::PhaseResult phase;
  phase.phase = "components";
  if (job.flags.components.prefill_tokens == 0)
    job.flags.components.prefill_tokens = static_cast<std::int64_t>(job.target.number("prefill_pcc", "tokens"));
  const harness::ComponentCheck check =
      harness::check_components(job.reference_engine(), *job.engine, job.capsule.ids, job.flags.components);
  phase.verdicts = harness::verdicts(check, job.target);
  phase.details = check.json();
  if (job.flags.output.json) return phase;

  Table table({"PHASE", "COMPONENT", "LEVEL", "PCC FORCED", "PCC CUMULATIVE", "NMSE FORCED", "MAX ABS", "SCALE",
               "OFFSET", "OWN ERROR", "BOUND", "FINDINGS"});
  for (const harness::ComponentRow& row : check.rows) {
    const std::vector<std::string> findings = row.forced.findings();
    table.add({row.phase, row.key, std::string(harness::level_name(row.level)), fmt::format("{:.6f}", row.forced.pcc),
               fmt::format("{:.6f}", row.cumulative.pcc), fmt::format("{:.2e}", row.forced.nmse),
               fmt::format("{:.2e}", row.forced.max_abs), fmt::format("{:.5f}", row.forced.scale),
               fmt::format("{:.1e}", row.forced.offset), row.own ? fmt::format("{:.2e}", row.own->error) : "-",
               row.own ? fmt::format("{:.2e}", row.own->bound) : "-", findings.empty() ? "" : findings.front()});
  }
  fmt::print("{}\n", table.str());
  return phase;
}

harness::PhaseResult full(Job& job) {
  harness::PhaseResult phase;
  phase.phase = "full";
  const std::int64_t prefill = harness::split_after(job.capsule, job.target);
  const harness::TeacherForcing forcing =
      harness::teacher_force(job.engine->session(), job.engine->model(), job.capsule, prefill, job.flags.chunk);
  phase.verdicts = harness::verdicts(forcing, job.capsule, job.target);
  phase.verdicts.push_back(harness::reported(
      "near ties", static_cast<double>(forcing.near_tie_misses), "misses",
      fmt::format("of {} misses; the reference's two best are nearly equal there", forcing.misses.size())));
  phase.details = forcing.json();
  return phase;
}

harness::PhaseResult dump(Job& job, const harness::Dump& recorded) {
  harness::PhaseResult phase;
  phase.phase = "dump";
  const harness::DumpCheck check = harness::check_dump(job.reference_engine(), *job.engine, recorded, job.capsule.ids);
  phase.verdicts = harness::verdicts(check);
  phase.details = check.json();
  if (job.flags.output.json) return phase;
  Table table({"COMPONENT", "NMSE HERE", "NMSE RECORDED", "EXPLAINED", "PCC RECORDED", "SCALE", "VERDICT", "FINDINGS"});
  for (const harness::DumpRow& row : check.rows) {
    const std::vector<std::string> findings = row.recorded.findings();
    table.add({row.key, fmt::format("{:.2e}", row.emulated.nmse), fmt::format("{:.2e}", row.recorded.nmse),
               fmt::format("{:.2e}", row.bound), fmt::format("{:.6f}", row.recorded.pcc),
               fmt::format("{:.5f}", row.recorded.scale),
               fmt::format("{}{}", harness::dump_verdict_name(row.verdict), row.inherited ? " (after another)" : ""),
               findings.empty() || row.verdict != harness::DumpVerdict::kBug ? "" : findings.front()});
  }
  fmt::print("{}\n", table.str());
  return phase;
}

harness::PhaseResult invariance(Job& job) {
  harness::PhaseResult phase;
  phase.phase = "invariance";
  std::vector<std::unique_ptr<device::Device>> devices;  // each lives as long as its engine
  const auto with_threads = [&](int threads) {
    devices.push_back(job.flags.device.open(job.flags.device.device, threads));
    return std::make_unique<pipeline::Engine>(job.flags.model.folder, *devices.back(),
                                              job.flags.model.engine_options());
  };
  phase.verdicts =
      harness::verdicts(harness::check_invariance(*job.engine, job.capsule.ids, job.flags.invariance, with_threads));
  return phase;
}

int run_check(CheckFlags& flags) {
  flags.model.check_folder();
  if (flags.reference != kOwn)  // before any weight is read
    if (const auto path = reference_path(flags); !path.empty() && !std::filesystem::exists(path))
      fail(Category::kBadInput, path.string(), "no such reference file");
  harness::Dump recorded;
  if (!flags.dump.empty()) {
    recorded = harness::load_dump(flags.dump);
    flags.phase = "dump";
  }
  Job job{.flags = flags,
          .target = harness::Target::load(flags.target),
          .device = flags.device.open_computing(),
          .reference_device = {},
          .engine = {},
          .reference = {},
          .capsule = {}};
  job.engine = std::make_unique<pipeline::Engine>(flags.model.folder, *job.device, flags.model.engine_options());
  load_reference(job);

  std::vector<harness::PhaseResult> phases;
  if (!flags.dump.empty()) phases.push_back(dump(job, recorded));
  if (flags.wants("components")) phases.push_back(components(job));
  if (flags.wants("full")) phases.push_back(full(job));
  if (flags.wants("invariance")) phases.push_back(invariance(job));
  if (!flags.output.json) {
    fmt::print("{}\n{}\n", verdict_table(phases, colour_on_stdout()), verdict_summary(phases));
    return exit_code(phases);
  }
  Json json = {{"model", job.engine->name()},
               {"device", job.device->description().summary},
               {"policy", job.engine->session().policy().name()},
               {"target", flags.target},
               {"reference", {{"origin", job.capsule.origin}, {"independent", job.capsule.independent}}},
               {"phases", Json::object()},
               {"verdicts", Json::array()}};
  for (const harness::PhaseResult& phase : phases) {
    json["phases"][phase.phase] = phase.details;
    for (const harness::Verdict& verdict : phase.verdicts) {
      Json line = {{"phase", phase.phase}};
      line.update(verdict.json());
      json["verdicts"].push_back(std::move(line));
    }
  }
  print_json(json);
  return exit_code(phases);
}

}  // namespace

Action declare_check(CLI::App& command) {
  const auto flags = std::make_shared<CheckFlags>();
  add_model_flags(command, flags->model);
  command.add_option("--phase", flags->phase, "components, full, invariance or all")
      ->type_name("NAME")
      ->capture_default_str()
      ->check(CLI::Validator(CLI::IsMember({"components", "full", "invariance", "all"})).description(""));
  auto* reference = command
                        .add_option("--reference", flags->reference,
                                    "reference.json, .refpt or capsule; own = made here [the one beside the model]")
                        ->type_name("FILE|own");
  command.add_option("--refpt", flags->refpt, "The same, for a .refpt")->type_name("FILE")->excludes(reference);
  command.add_option("--text", flags->text, "Text whose tokens are used where the reference has none [models/eval]")
      ->type_name("FILE")
      ->check(existing_file());
  command
      .add_option(
          "--dump", flags->dump,
          "Only compare tensors recorded on a board: a folder of *.safetensors named by component keys, [T, width]")
      ->type_name("DIR");
  command.add_option("--target", flags->target, "The bars: a name in targets/")
      ->type_name("NAME")
      ->capture_default_str();
  command.add_option("--batch", flags->components.batch, "Users of the component check's decode step")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(1, 4096));
  flags->components.prefill_tokens = 0;
  command
      .add_option("--prefill-tokens", flags->components.prefill_tokens,
                  "Tokens of the component check's prefill; 0 = the target's")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(0));
  command.add_option("--invariance-tokens", flags->invariance.tokens, "Tokens of the invariance checks")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(1));
  command.add_option("--chunk", flags->chunk, "Tokens prefilled at once by teacher forcing; 0 = all")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(0));
  add_policy_flag(command, flags->model.policy);
  add_device_flags(command, flags->device);
  add_emulation_flags(command, flags->device);
  add_output_flags(command, flags->output);
  add_examples(command,
               {"firstlight check MODEL --phase components", "firstlight check MODEL --phase full --refpt MODEL.refpt",
                "firstlight check MODEL --policy bfp4 --reference own --json",
                "firstlight check MODEL --policy performance --dump recorded/"});
  return [flags](const Invocation&) { return run_check(*flags); };
}

}  // namespace firstlight::app
