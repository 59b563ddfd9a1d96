// `firstlight bench`: speed over every combination of the given policies, batches, prompts and depths, alone or beside
// a second setting in turns.
#include "firstlight/harness/bench.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "firstlight/app/cli/bench_settings.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/harness/report.h"

namespace firstlight::app {
namespace {

struct BenchFlags {
  ModelFlags model;
  DeviceFlags device;
  OutputFlags output;
  std::string policies = "bf16";
  std::string versus;
  std::filesystem::path report;
  std::vector<std::int64_t> prompts = {512};
  std::vector<std::int64_t> depths = {0};
  std::vector<int> batches = {1};
  harness::BenchOptions options;
};

std::string share_text(double share) { return share > 0 ? fmt::format("{:.1f} %", 100 * share) : ""; }

// Results as they come: a JSON line each, or rows of tables that are printed at the end.
class BenchOutput {
 public:
  explicit BenchOutput(bool json) : json_(json) {}

  void add(const Json& about, const harness::Measurement& m) {
    last_ = m;
    lines_.push_back(m.json());
    if (json_) return print_line(about, m.json());
    const auto latency = [](double ms) { return ms > 0 ? fmt::format("{:.3g}", ms) : std::string(); };
    std::string fallbacks;
    for (const auto& [name, count] : m.fallbacks)
      fallbacks += fmt::format("{}{} x{}", fallbacks.empty() ? "" : ", ", name, count);
    measurements_.add({m.policy, m.phase, std::to_string(m.batch), std::to_string(m.prompt), std::to_string(m.depth),
                       std::to_string(m.threads), human_number(m.tokens_per_s), human_number(m.tokens_per_s_per_user),
                       fmt::format("{:.1f} %", 100 * m.spread), latency(m.ttft_ms), latency(m.latency_ms_p50),
                       latency(m.latency_ms_p99), share_text(m.share_of_bandwidth), share_text(m.share_of_peak),
                       human_bytes(static_cast<double>(m.rss_bytes)), fallbacks});
  }

  void add(const Json& about, const harness::Comparison& c) {
    pairs_.push_back(c.json());
    if (json_) return print_line(about, c.json());
    comparisons_.add({c.a.phase, std::to_string(c.a.batch), std::to_string(c.a.prompt), std::to_string(c.a.depth),
                      setting_text(c.a), human_number(c.a.tokens_per_s), setting_text(c.b),
                      human_number(c.b.tokens_per_s), fmt::format("{:.3f}", c.ratio),
                      fmt::format("{:.3f} to {:.3f}", c.low, c.high)});
  }

  void print(std::string_view device) const {
    if (json_) return;
    fmt::print("{}", measurements_.str());
    if (!comparisons_.empty())
      fmt::print("\nIn turns; ratio of the rates with its {:.0f} % interval\n{}", 100 * harness::kRatioConfidence,
                 comparisons_.str());
    fmt::print("\n{}; medians over {} repeat{}", device, last_.repeats, last_.repeats == 1 ? "" : "s");
    if (last_.bandwidth > 0)
      fmt::print("; probed here: {} read, {}", human_rate(last_.bandwidth, "B/s"),
                 human_rate(last_.peak_flops, "FLOP/s"));
    fmt::print("\n");
  }

  std::string page(std::string_view title, std::string_view command) const {
    return harness::bench_report(title, command, lines_, pairs_);
  }

 private:
  static void print_line(const Json& about, const Json& result) {
    Json line = about;
    line.update(result);
    print_json_line(line);
  }
  static std::string setting_text(const harness::Measurement& m) {
    return fmt::format("{} {} {}t chunk {}{}", m.policy, m.isa, m.threads, m.chunk,
                       m.phase == "decode" && m.replayed == 0 ? " eager" : "");
  }

  bool json_;
  Json lines_ = Json::array();
  Json pairs_ = Json::array();
  Table measurements_{{"POLICY", "PHASE", "BATCH", "PROMPT", "DEPTH", "THREADS", "T/S", "T/S/U", "SPREAD", "TTFT MS",
                       "P50 MS", "P99 MS", "OF BANDWIDTH", "OF PEAK", "PEAK MEMORY", "FALLBACKS"}};
  Table comparisons_{{"PHASE", "BATCH", "PROMPT", "DEPTH", "A", "T/S", "B", "T/S", "A / B", "INTERVAL"}};
  harness::Measurement last_;
};

// What one point needs, known from the config: refused before any weight is read.
void check_point(const BenchFlags& flags, const BenchSetting& setting, const device::Device& device,
                 const std::vector<harness::BenchOptions>& points) {
  const io::Config config = io::Config::load(flags.model.folder / "config.json");
  const std::unique_ptr<model::Model> model = model::make_model(config);
  run::WeightPlanSink plan;
  model->declare(plan);
  const auto policy = run::Policy::load(setting.policy, pipeline::model_name(flags.model.folder),
                                        static_cast<int>(model->description().layers));
  pipeline::check_policy(policy, config);
  for (const harness::BenchOptions& point : points)
    harness::check_bench(point, *model, plan.requests(), policy, device);
}

std::vector<harness::BenchOptions> points_of(const BenchFlags& flags, std::int64_t chunk) {
  std::vector<harness::BenchOptions> points;
  for (const int batch : flags.batches) {
    for (const std::int64_t prompt : flags.prompts) {
      for (const std::int64_t depth : flags.depths) {
        harness::BenchOptions& options = points.emplace_back(flags.options);
        options.batch = batch;
        options.prompt = prompt;
        options.depth = depth;
        options.chunk = chunk;
      }
    }
  }
  return points;
}

// A device and an engine on it.
struct BenchSubject {
  std::unique_ptr<device::Device> device;
  std::optional<pipeline::Engine> engine;
  std::vector<harness::BenchOptions> points;
};

int run_bench_verb(BenchFlags& flags, const Invocation& invocation) {
  flags.model.check_folder();
  std::vector<std::pair<BenchSetting, std::optional<BenchSetting>>> runs;
  for (const std::string& policy : split_list(flags.policies)) {
    if (policy.empty()) fail(Category::kUsage, "--policy", "an empty name in '{}'", flags.policies);
    const BenchSetting setting{flags.device, policy, flags.options.chunk, true};
    runs.emplace_back(setting, std::nullopt);
    if (!flags.versus.empty()) runs.back().second = changed(setting, flags.versus);
  }
  if (!flags.versus.empty() && flags.options.repeats < 2)
    fail(Category::kUsage, "--versus", "needs --repeats of 2 or more: they tell how sure the ratio is");
  // Every device, policy and point is checked before the first weight is read.
  for (const auto& [setting, versus] : runs) {
    for (const BenchSetting* one : {&setting, versus ? &*versus : nullptr})
      if (one != nullptr) check_point(flags, *one, *one->device.open_computing(), points_of(flags, one->chunk));
  }

  BenchOutput output(flags.output.json);
  std::string summary;
  std::string name;
  const auto load = [&](const BenchSetting& setting) {
    BenchSubject subject;
    subject.device = setting.device.open_computing();
    summary = subject.device->description().summary;
    harness::reset_peak_rss();
    subject.engine.emplace(flags.model.load(*subject.device, setting.policy));
    subject.engine->session().set_tracing(setting.trace);
    subject.points = points_of(flags, setting.chunk);
    return subject;
  };
  for (const auto& [setting, versus] : runs) {
    BenchSubject a = load(setting);
    std::optional<BenchSubject> b;
    if (versus) b.emplace(load(*versus));
    name = a.engine->name();
    const run::Ledger& ledger = a.engine->ledger();
    const Json about = {{"model", name},
                        {"device", summary},
                        {"load_seconds", ledger.seconds},
                        {"cache_hits", ledger.cache_hits},
                        {"cache_misses", ledger.cache_misses + ledger.cache_rebuilt}};
    for (std::size_t i = 0; i < a.points.size(); ++i) {
      if (!b) {
        for (const auto& measurement : harness::run_bench(*a.engine, a.points[i])) output.add(about, measurement);
        continue;
      }
      const auto comparisons = harness::run_paired(*a.engine, a.points[i], *b->engine, b->points[i]);
      for (const auto& comparison : comparisons) {
        output.add(about, comparison.a);
        output.add(about, comparison.b);
      }
      for (const auto& comparison : comparisons) output.add(about, comparison);
    }
  }
  output.print(summary);
  if (!flags.report.empty())
    write_text_file(flags.report,
                    output.page(fmt::format("Bench of {} on {}", name, summary), invocation.command_line));
  return 0;
}

}  // namespace

Action declare_bench(CLI::App& command) {
  const auto flags = std::make_shared<BenchFlags>();
  harness::BenchOptions& options = flags->options;
  add_model_flags(command, flags->model);
  const auto list = [&](const char* name, auto& values, const char* help) {
    return command.add_option(name, values, help)
        ->type_name("N,...")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->capture_default_str();
  };
  const auto number = [&](const char* name, auto& value, const char* help, double low) {
    command.add_option(name, value, help)->type_name("N")->capture_default_str()->check(between(low));
  };
  command
      .add_option("--policy", flags->policies, "Precision: one or more of `firstlight list policies`, files or strings")
      ->type_name("NAME,...")
      ->capture_default_str();
  list("--prompt", flags->prompts, "Prompt tokens of each user, timed; 0 = decode only")->check(between(0));
  list("--depth", flags->depths, "Tokens already in each user's cache, not timed")->check(between(0));
  list("--batch", flags->batches, "Users at once")->check(between(1, 2147483647));
  number("--generate", options.generate, "Decode steps, timed one by one; 0 = prefill only", 0);
  number("--repeats", options.repeats, "Repeats; the median counts", 1);
  number("--warmup", options.warmup, "Untimed decode steps before each repeat", 0);
  number("--chunk", options.chunk, "Tokens prefilled at once; 0 = all", 0);
  command
      .add_option("--probe-seconds", options.probe_seconds,
                  "Time of each bandwidth and peak probe; 0 = none, no shares")
      ->type_name("S")
      ->capture_default_str()
      ->check(between(0, 60));
  command
      .add_option("--versus", flags->versus,
                  "A second setting, measured in turns with the first: policy, device, isa, threads, chunk, trace")
      ->type_name("NAME=VALUE,...");
  command.add_option("--report", flags->report, "An HTML page to write: tables and a roofline chart")
      ->type_name("FILE");
  add_device_flags(command, flags->device);
  add_output_flags(command, flags->output);
  add_examples(command,
               {"firstlight bench MODEL", "firstlight bench MODEL --policy bf16,bfp8 --prompt 128,512 --batch 1,32",
                "firstlight bench MODEL --policy bfp8 --versus policy=bf16 --repeats 7",
                "firstlight bench MODEL --prompt 0 --versus trace=off --repeats 7",
                "firstlight bench MODEL --prompt 0 --depth 4096 --json > bench.jsonl"});
  return [flags](const Invocation& invocation) { return run_bench_verb(*flags, invocation); };
}

}  // namespace firstlight::app
