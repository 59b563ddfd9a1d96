// `firstlight bench`: speed over every combination of the given policies, batches, prompts and depths.
#include "firstlight/harness/bench.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "firstlight/app/cli/flags.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/base/error.h"

namespace firstlight::app {
namespace {

struct BenchFlags {
  ModelFlags model;
  DeviceFlags device;
  OutputFlags output;
  std::string policies = "bf16";
  std::vector<std::int64_t> prompts = {512};
  std::vector<std::int64_t> depths = {0};
  std::vector<int> batches = {1};
  harness::BenchOptions options;
};

// At commas outside braces: a policy may be spelled out ("precision_cfg = {ff1_3: bfp4, ff2: bfp4}").
std::vector<std::string> split_policies(std::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : text) {
    depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    if (c == ',' && depth == 0)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

std::string share_text(double share) { return share > 0 ? fmt::format("{:.1f} %", 100 * share) : ""; }

void add_row(Table& table, const harness::Measurement& m) {
  const auto latency = [](double ms) { return ms > 0 ? fmt::format("{:.3g}", ms) : std::string(); };
  std::string fallbacks;
  for (const auto& [name, count] : m.fallbacks)
    fallbacks += fmt::format("{}{} x{}", fallbacks.empty() ? "" : ", ", name, count);
  table.add({m.policy, m.phase, std::to_string(m.batch), std::to_string(m.prompt), std::to_string(m.depth),
             human_number(m.tokens_per_s), human_number(m.tokens_per_s_per_user),
             fmt::format("{:.1f} %", 100 * m.spread), latency(m.ttft_ms), latency(m.latency_ms_p50),
             latency(m.latency_ms_p99), share_text(m.share_of_bandwidth), share_text(m.share_of_peak), fallbacks});
}

int run_bench(BenchFlags& flags) {
  flags.model.check_folder();
  const auto device = flags.device.open_computing();
  Table table({"POLICY", "PHASE", "BATCH", "PROMPT", "DEPTH", "T/S", "T/S/U", "SPREAD", "TTFT MS", "P50 MS", "P99 MS",
               "OF BANDWIDTH", "OF PEAK", "FALLBACKS"});
  harness::Measurement last;
  for (const std::string& policy : split_policies(flags.policies)) {
    if (policy.empty()) fail(Category::kUsage, "--policy", "an empty name in '{}'", flags.policies);
    pipeline::Engine engine = flags.model.load(*device, policy);
    for (const int batch : flags.batches) {
      for (const std::int64_t prompt : flags.prompts) {
        for (const std::int64_t depth : flags.depths) {
          flags.options.batch = batch;
          flags.options.prompt = prompt;
          flags.options.depth = depth;
          for (const harness::Measurement& measurement : harness::run_bench(engine, flags.options)) {
            if (flags.output.json) {
              Json line = {{"model", engine.name()}, {"device", device->description().summary}};
              line.update(measurement.json());
              print_json_line(line);
            }
            add_row(table, measurement);
            last = measurement;
          }
        }
      }
    }
  }
  if (flags.output.json) return 0;
  fmt::print("{}", table.str());
  fmt::print("{}; medians over {} repeat{}", device->description().summary, flags.options.repeats,
             flags.options.repeats == 1 ? "" : "s");
  if (last.bandwidth > 0)
    fmt::print("; probed here: {} read, {}", human_rate(last.bandwidth, "B/s"), human_rate(last.peak_flops, "FLOP/s"));
  fmt::print("; peak memory {}\n", human_bytes(static_cast<double>(last.rss_bytes)));
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
  command
      .add_option("--policy", flags->policies, "Precision: one or more of `firstlight list policies`, files or strings")
      ->type_name("NAME,...")
      ->capture_default_str();
  list("--prompt", flags->prompts, "Prompt tokens of each user, timed")->check(between(1));
  list("--depth", flags->depths, "Tokens already in each user's cache, not timed")->check(between(0));
  list("--batch", flags->batches, "Users at once")->check(between(1, 4096));
  command.add_option("--generate", options.generate, "Decode steps, timed one by one")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(1));
  command.add_option("--repeats", options.repeats, "Repeats; the median counts")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(1));
  command.add_option("--warmup", options.warmup, "Untimed decode steps before each repeat")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(0));
  command.add_option("--chunk", options.chunk, "Tokens prefilled at once; 0 = all")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(0));
  command
      .add_option("--probe-seconds", options.probe_seconds,
                  "Time of each bandwidth and peak probe; 0 = none, no shares")
      ->type_name("S")
      ->capture_default_str()
      ->check(between(0, 60));
  add_device_flags(command, flags->device);
  add_output_flags(command, flags->output);
  add_examples(command,
               {"firstlight bench MODEL", "firstlight bench MODEL --policy bf16,bfp8 --prompt 128,512 --batch 1,32",
                "firstlight bench MODEL --json > bench.jsonl"});
  return [flags](const Invocation&) { return run_bench(*flags); };
}

}  // namespace firstlight::app
