// The phases. A missed bar is a failed verdict and the phases go on; a phase that cannot run stops the rest.
#include "firstlight/harness/bringup.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/device/contract.h"
#include "firstlight/harness/evidence.h"
#include "firstlight/harness/inspect.h"
#include "firstlight/harness/report.h"
#include "firstlight/harness/teacher_forcing.h"
#include "firstlight/pipeline/generate.h"

namespace firstlight::harness {
namespace {

using Clock = std::chrono::steady_clock;

// What the phases hand on to each other.
struct Job {
  const BringupOptions& options;
  const DeviceFactory& open;
  Target target;
  std::unique_ptr<device::Device> device;
  std::unique_ptr<device::Device> reference_device;
  std::unique_ptr<pipeline::Engine> engine;
  std::unique_ptr<pipeline::Engine> reference;
  Inspection inspection;
  Capsule capsule;
  device::Peaks peaks;
  std::vector<Measurement> measurements;

  std::unique_ptr<pipeline::Engine> load(device::Device& on, const std::string& policy) const {
    pipeline::EngineOptions engine_options;
    engine_options.policy = policy;
    engine_options.cache_dir = options.cache_dir;
    engine_options.waivers = options.waivers;
    return std::make_unique<pipeline::Engine>(options.model, on, engine_options);
  }
};

void set_up(Job& job, PhaseResult& phase) {
  job.device = job.open(job.options.device, 0);
  job.reference_device = job.open(device::reference_device(), 0);
  const device::Capabilities capabilities = job.device->capabilities();
  if (!capabilities.computes)
    fail(Category::kUnsupported, job.options.device, "computes nothing: a bring-up needs a device that computes");
  job.peaks = job.device->peaks(std::max(0.05, job.options.bench.probe_seconds));
  phase.details["environment"] = environment(job.device->description().summary);
  const std::vector<std::string>& assumptions = job.device->description().assumptions;
  phase.details["assumptions"] = assumptions;
  if (!assumptions.empty())
    phase.verdicts.push_back(reported("assumptions", static_cast<double>(assumptions.size()), "",
                                      fmt::format("{}", fmt::join(assumptions, "; "))));
  phase.details["peaks"] = {{"read_bandwidth", job.peaks.read_bandwidth},
                            {"flops_f32", job.peaks.flops_f32},
                            {"flops_bf16", job.peaks.flops_bf16},
                            {"origin", job.peaks.origin}};
  const auto add_rate = [&](const char* name, double rate, const char* unit) {
    phase.verdicts.push_back(rate > 0 ? reported(name, rate / 1e9, unit, job.peaks.origin)
                                      : skipped(name, job.peaks.origin));
  };
  add_rate("read bandwidth", job.peaks.read_bandwidth, "GB/s");
  add_rate("peak f32", job.peaks.flops_f32, "GFLOP/s");
  phase.verdicts.push_back(reported("free memory", static_cast<double>(job.device->available_bytes()) / 1e9, "GB", ""));
}

void baseline(Job& job, PhaseResult& phase) {
  InspectOptions inspect_options;
  inspect_options.policy = job.options.policy;
  job.inspection = inspect(job.options.model, inspect_options);
  phase.details["inspection"] = job.inspection.json();
  job.reference = job.load(*job.reference_device, "f32");
  job.engine = job.load(*job.device, job.options.policy);

  phase.details["ledger"] = ledger_json(job.engine->ledger());
  phase.verdicts.push_back(
      judge("weight ledger", static_cast<double>(job.engine->waived().size()), "==", 0, "waivers",
            fmt::format("{} tensors placed once, every config field read", job.engine->ledger().lines.size())));

  const auto path = job.options.reference.empty() ? find_capsule(job.options.model) : job.options.reference;
  if (path.empty()) {
    const auto ids = accuracy_ids(*job.reference, job.options.text, text_tokens(job.reference->model(), job.target));
    job.capsule = make_capsule(*job.reference, ids, 4);
  } else {
    job.capsule = load_capsule(path);
    // The text's ids under this tokenizer: token-id equality comes before any logit (failure mode F12).
    if (job.reference->has_tokenizer() && job.options.text.empty() && job.capsule.independent) {
      const auto own = job.reference->tokenizer().decode(job.capsule.ids, false);
      const auto again = job.reference->tokenizer().encode(own, {.add_special_tokens = false});
      phase.verdicts.push_back(judge("token round trip", again == job.capsule.ids ? 1 : 0, "==", 1, "equal",
                                     "decode and encode give the reference's ids back"));
    }
    // The reference device must itself agree with an imported reference.
    const TeacherForcing own = teacher_force(job.reference->session(), job.reference->model(), job.capsule,
                                             split_after(job.capsule, job.target));
    // Positions where the imported logits are closer than float32 noise may differ without being wrong.
    phase.verdicts.push_back(judge("reference device", own.top1() * 100, ">=", 99.0, "% argmax equal",
                                   fmt::format("our reference device against {}", job.capsule.origin)));
    phase.details["reference_device"] = own.json();
  }
  phase.details["reference"] = {{"origin", job.capsule.origin},
                                {"independent", job.capsule.independent},
                                {"tokens", job.capsule.ids.size()},
                                {"path", path.string()}};
}

void components(Job& job, PhaseResult& phase) {
  ComponentOptions component_options;
  component_options.batch = static_cast<int>(job.target.number("decoder_pcc", "batch"));
  component_options.prefill_tokens = job.options.prefill_tokens > 0
                                         ? job.options.prefill_tokens
                                         : static_cast<std::int64_t>(job.target.number("prefill_pcc", "tokens"));
  const ComponentCheck check = check_components(*job.reference, *job.engine, job.capsule.ids, component_options);
  phase.verdicts = verdicts(check, job.target);
  phase.details["components"] = check.json();
}

void full_model(Job& job, PhaseResult& phase) {
  const TeacherForcing forcing =
      teacher_force(job.engine->session(), job.engine->model(), job.capsule, split_after(job.capsule, job.target), 512);
  phase.verdicts = verdicts(forcing, job.capsule, job.target);
  phase.details["teacher_forcing"] = forcing.json();

  // A device with another number of threads lives as long as its engine.
  std::vector<std::unique_ptr<device::Device>> devices;
  const auto with_threads = [&](int threads) {
    devices.push_back(job.open(job.options.device, threads));
    return job.load(*devices.back(), job.options.policy);
  };
  const auto invariance = check_invariance(*job.engine, job.capsule.ids, job.options.invariance, with_threads);
  Json list = Json::array();
  for (const auto& result : invariance)
    list.push_back(
        {{"name", result.name}, {"equal", result.equal}, {"max_abs", result.max_abs}, {"where", result.where}});
  phase.details["invariance"] = std::move(list);
  const auto equal = std::ranges::count_if(invariance, &InvarianceResult::equal);
  std::string different;
  for (const auto& result : invariance)
    if (!result.equal) different += (different.empty() ? "differs: " : ", ") + result.name;
  phase.verdicts.push_back(judge("invariance", static_cast<double>(equal), "==", static_cast<double>(invariance.size()),
                                 "bit-equal checks", different));

  if (job.engine->has_tokenizer()) {
    pipeline::GenerateOptions generate_options;
    generate_options.max_new_tokens = 48;
    const auto texts = pipeline::generate(*job.engine, {job.options.prompt}, generate_options);
    phase.details["sample"] = {{"prompt", job.options.prompt}, {"text", texts.users.at(0).text}};
    phase.verdicts.push_back(
        reported("sample text", static_cast<double>(texts.users.at(0).ids.size()), "tokens", "greedy"));
  }
}

void performance(Job& job, PhaseResult& phase) {
  BenchOptions bench_options = job.options.bench;
  if (const std::int64_t positions = job.engine->model().description().max_positions; positions > 0) {
    bench_options.prompt = std::min(bench_options.prompt, std::max<std::int64_t>(1, positions / 2));
    bench_options.generate = std::min(bench_options.generate, std::max<std::int64_t>(1, positions / 4));
  }
  job.measurements = run_bench(*job.engine, bench_options);
  Json list = Json::array();
  for (const Measurement& measurement : job.measurements) list.push_back(measurement.json());
  phase.details["measurements"] = std::move(list);
  const Measurement& decode = job.measurements.back();

  run::WeightPlanSink plan;
  model::make_model(io::Config::load(job.options.model / "config.json"))->declare(plan);
  const std::int64_t context = bench_options.depth + bench_options.prompt;
  const ByteLedger ledger = byte_ledger(job.engine->model(), plan.requests(), job.engine->session().policy(), context,
                                        bench_options.batch, Padding::kBlocks);
  const double bandwidth = decode.bandwidth > 0 ? decode.bandwidth : job.peaks.read_bandwidth;
  const auto all = maxima(ledger, bandwidth, "measured in this run");
  const auto reached = tiers(decode.tokens_per_s_per_user, all, job.target);
  phase.details["ledger"] = ledger.json();
  Json maximum_list = Json::array();
  // Without a bandwidth there is no maximum: an emulation's speed says nothing of its board's.
  if (bandwidth <= 0) phase.verdicts.push_back(skipped("share of a maximum", job.peaks.origin));
  for (std::size_t i = 0; bandwidth > 0 && i < all.size(); ++i) {
    maximum_list.push_back({{"definition", all[i].definition},
                            {"formula", all[i].formula},
                            {"tokens_per_s_per_user", all[i].tokens_per_s_per_user},
                            {"share", reached[i].share},
                            {"tier", reached[i].tier}});
    phase.verdicts.push_back(judge(fmt::format("share of {} maximum", all[i].definition), 100 * reached[i].share,
                                   ">=", 100 * job.target.tiers().front().share, "%",
                                   tier_note(decode.tokens_per_s_per_user, all[i], reached[i])));
  }
  phase.details["maxima"] = std::move(maximum_list);
  phase.verdicts.push_back(reported("decode", decode.tokens_per_s_per_user, "t/s/u",
                                    fmt::format("batch {}, context {}", decode.batch, context)));
  phase.verdicts.push_back(
      reported("prefill", job.measurements.front().tokens_per_s, "t/s",
               fmt::format("{} tokens, TTFT {:.3g} ms", bench_options.prompt, job.measurements.front().ttft_ms)));
  phase.verdicts.push_back(
      reported("bytes saved", 100 * (1 - ledger.weight_bytes / ledger.f32_weight_bytes), "% of f32",
               fmt::format("weights {:.4g} MB under {}", ledger.weight_bytes / 1e6, ledger.policy)));
  std::int64_t fallbacks = 0;
  for (const auto& [name, count] : decode.fallbacks) fallbacks += count;
  phase.verdicts.push_back(judge("host fallbacks", static_cast<double>(fallbacks), "==", 0, "calls",
                                 "ops that ran as primitives inside the measured pass"));
}

// Runs one phase; an error becomes its stop.
PhaseResult run_phase(const std::string& name, Job& job, void (*body)(Job&, PhaseResult&)) {
  PhaseResult phase;
  phase.phase = name;
  const auto start = Clock::now();
  try {
    body(job, phase);
  } catch (const Error& error) {
    phase.stopped_by = fmt::format("{}: {}", category_name(error.category()), error.what());
    phase.details["exit_code"] = static_cast<int>(error.category());
  }
  phase.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return phase;
}

}  // namespace

bool BringupResult::passed() const {
  return std::ranges::all_of(phases, [](const PhaseResult& phase) { return phase.outcome() != Outcome::kFailed; });
}

BringupResult bring_up(const BringupOptions& options, const DeviceFactory& open, const PhaseCallback& on_phase) {
  const auto name = std::filesystem::absolute(options.model).lexically_normal();
  const std::string model_name = (name.filename().empty() ? name.parent_path() : name).filename().string();
  BringupResult result;
  result.out = options.out.empty()
                   ? std::filesystem::path("firstlight-out") / fmt::format("{}-{}", model_name, options.device)
                   : options.out;
  result.report = result.out / "report.html";
  result.record = result.out / "record.jsonl";
  Job job{.options = options,
          .open = open,
          .target = Target::load(options.target),
          .device = {},
          .reference_device = {},
          .engine = {},
          .reference = {},
          .inspection = {},
          .capsule = {},
          .peaks = {},
          .measurements = {}};
  result.header = {{"model", model_name},      {"device", options.device},   {"policy", options.policy},
                   {"target", options.target}, {"waivers", options.waivers}, {"command", options.command}};

  constexpr std::pair<const char*, void (*)(Job&, PhaseResult&)> kPhases[] = {
      {"1 set-up", set_up},         {"2 baseline", baseline},       {"3 components", components},
      {"4 full model", full_model}, {"5 performance", performance},
  };
  bool stopped = false;
  for (const auto& [phase_name, body] : kPhases) {
    result.phases.push_back(run_phase(phase_name, job, body));
    on_phase(result.phases.back());
    stopped = !result.phases.back().stopped_by.empty();
    if (stopped) break;
  }

  // Evidence is written even when a phase stopped: what was measured until then is not lost.
  Record record(result.header);
  for (const PhaseResult& phase : result.phases) record.add(phase);
  const auto finish = [&](const std::string& phase_name, const std::function<void(PhaseResult&)>& body) {
    PhaseResult phase;
    phase.phase = phase_name;
    const auto start = Clock::now();
    body(phase);
    phase.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    record.add(phase);
    result.phases.push_back(phase);
    on_phase(phase);
  };
  if (!stopped)
    finish("6 tests, CI", [&](PhaseResult& phase) { write_ci_files(job.capsule, result.phases, result.out, phase); });
  finish("7 documents", [&](PhaseResult& phase) {
    phase.details["files"] = {result.report.string(), result.record.string(), (result.out / "README.md").string()};
    phase.verdicts.push_back(reported("files written", 3, "", result.out.string()));
  });
  write_text_file(result.out / "README.md", readme_section(result));
  write_text_file(result.report, html_report(record.lines()));
  record.write(result.record);
  return result;
}

}  // namespace firstlight::harness
