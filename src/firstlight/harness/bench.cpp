// Checks before any work; repeats alone or in turns; JSON.
#include "firstlight/harness/bench.h"

#include <fstream>

#include "firstlight/base/error.h"
#include "firstlight/base/progress.h"
#include "firstlight/harness/bench_point.h"
#include "firstlight/harness/statistics.h"

namespace firstlight::harness {

std::size_t peak_rss_bytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word != "VmHWM:") continue;
    std::size_t kib = 0;
    status >> kib;
    return kib * 1024;
  }
  return 0;
}

void reset_peak_rss() {
  std::ofstream("/proc/self/clear_refs") << "5";  // proc(5): resets VmHWM; without the right to, it stays
}

void check_bench(const BenchOptions& options, const model::Model& model,
                 const std::vector<run::WeightRequest>& requests, const run::Policy& policy,
                 const device::Device& device) {
  const model::Description& d = model.description();
  if (options.batch < 1 || options.repeats < 1 || options.prompt < 0 || options.generate < 0 || options.depth < 0 ||
      options.warmup < 0 || options.chunk < 0)
    fail(Category::kUsage, "", "batch and repeats must be at least 1; prompt, generate, depth, warm-up and chunk 0");
  if (options.prompt + options.generate == 0)
    fail(Category::kUsage, "", "prompt 0 and generate 0 leave nothing to measure");
  const std::int64_t total = options.depth + options.prompt + options.warmup + options.generate;
  if (d.max_positions > 0 && total > d.max_positions)
    fail(Category::kUsage, "", "depth {} + prompt {} + generate {} + warm-up {} is past the model's {} positions",
         options.depth, options.prompt, options.generate, options.warmup, d.max_positions);
  const ByteLedger ledger = byte_ledger(model, requests, policy, total, options.batch, Padding::kBlocks);
  const auto available = static_cast<double>(device.available_bytes());
  if (ledger.weight_bytes + ledger.state_bytes > available)
    fail(Category::kResource, "",
         "{} users of {} positions need {:.3g} GB of cache beside {:.3g} GB of weights under '{}'; {:.3g} GB are free",
         options.batch, total, ledger.state_bytes / 1e9, ledger.weight_bytes / 1e9, policy.name(), available / 1e9);
}

namespace {

void check_engine(const BenchOptions& options, pipeline::Engine& engine) {
  // The weights are in memory already.
  check_bench(options, engine.model(), {}, engine.session().policy(), engine.session().device());
}

}  // namespace

std::vector<Measurement> run_bench(pipeline::Engine& engine, const BenchOptions& options) {
  check_engine(options, engine);
  BenchPoint point(engine, options);
  Progress progress("bench", options.repeats, "repeats");
  for (int index = 0; index < options.repeats; ++index) {
    point.repeat();
    progress.add(1);
  }
  return point.measurements();
}

std::vector<Comparison> run_paired(pipeline::Engine& a, const BenchOptions& options_a, pipeline::Engine& b,
                                   const BenchOptions& options_b) {
  check_engine(options_a, a);
  check_engine(options_b, b);
  if (options_a.repeats < 2) fail(Category::kUsage, "--repeats", "two pairs or more tell how sure a ratio is");
  BenchPoint point_a(a, options_a);
  BenchPoint point_b(b, options_b);
  Progress progress("bench", options_a.repeats, "pairs");
  for (int index = 0; index < options_a.repeats; ++index) {
    // a b, b a, a b, ...: what drifts falls on both alike.
    (index % 2 == 0 ? point_a : point_b).repeat();
    (index % 2 == 0 ? point_b : point_a).repeat();
    progress.add(1);
  }
  std::vector<Comparison> list;
  std::vector<Measurement> of_a = point_a.measurements();
  std::vector<Measurement> of_b = point_b.measurements();
  FL_CHECK(of_a.size() == of_b.size());
  for (std::size_t i = 0; i < of_a.size(); ++i) {
    const RatioInterval interval = ratio_interval(of_a[i].rates, of_b[i].rates, kRatioConfidence);
    list.push_back({std::move(of_a[i]), std::move(of_b[i]), interval.ratio, interval.low, interval.high});
  }
  return list;
}

Json Measurement::json() const {
  return {{"phase", phase},
          {"policy", policy},
          {"isa", isa},
          {"batch", batch},
          {"prompt", prompt},
          {"depth", depth},
          {"chunk", chunk},
          {"threads", threads},
          {"repeats", repeats},
          {"tokens_per_s", tokens_per_s},
          {"tokens_per_s_per_user", tokens_per_s_per_user},
          {"spread", spread},
          {"ttft_ms", ttft_ms},
          {"latency_ms_p50", latency_ms_p50},
          {"latency_ms_p90", latency_ms_p90},
          {"latency_ms_p99", latency_ms_p99},
          {"steps_per_s", steps_per_s},
          {"bytes_per_step", bytes_per_step},
          {"flops_per_step", flops_per_step},
          {"replayed", replayed},
          {"bandwidth", bandwidth},
          {"peak_flops", peak_flops},
          {"share_of_bandwidth", share_of_bandwidth},
          {"share_of_peak", share_of_peak},
          {"rss_bytes", rss_bytes},
          {"rerun", rerun},
          {"fallbacks", fallbacks},
          {"rates", rates}};
}

Json Comparison::json() const {
  const auto side = [](const Measurement& m) {
    return Json{{"policy", m.policy},
                {"isa", m.isa},
                {"threads", m.threads},
                {"chunk", m.chunk},
                {"tokens_per_s", m.tokens_per_s}};
  };
  return {{"phase", a.phase},       {"batch", a.batch},
          {"prompt", a.prompt},     {"depth", a.depth},
          {"a", side(a)},           {"b", side(b)},
          {"ratio", ratio},         {"ratio_low", low},
          {"ratio_high", high},     {"confidence", kRatioConfidence},
          {"pairs", a.rates.size()}};
}

}  // namespace firstlight::harness
