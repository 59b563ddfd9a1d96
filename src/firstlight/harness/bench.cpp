// Timed prefill and decode between probes.
#include "firstlight/harness/bench.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <numeric>

#include "firstlight/base/error.h"
#include "firstlight/base/progress.h"
#include "firstlight/base/rng.h"
#include "firstlight/device/contract.h"

namespace firstlight::harness {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

constexpr double kProbeTolerance = 0.10;  // docs/definitions.md, "Verdicts"
constexpr int kMostReruns = 3;            // of one repeat; then it counts as it is

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const double place = share * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (values[high] - values[low]) * (place - static_cast<double>(low));
}

struct Repeat {
  double prefill_seconds = 0;
  std::vector<double> steps;  // seconds of each decode step
  device::Peaks before;
  device::Peaks after;
};

Repeat run_once(pipeline::Engine& engine, const BenchOptions& options, std::span<const std::int32_t> ids) {
  run::Session& session = engine.session();
  const model::Model& model = engine.model();
  nn::StateOptions state_options;
  state_options.sequences = options.batch;
  state_options.max_length = options.depth + options.prompt + options.warmup + options.generate;
  const auto state = model.new_state(session, state_options);
  const auto part = [&](std::int64_t length) { return ids.first(static_cast<std::size_t>(length)); };

  std::vector<std::int32_t> users(static_cast<std::size_t>(options.batch));
  std::iota(users.begin(), users.end(), 0);
  if (options.depth > 0)
    for (const std::int32_t user : users)
      pipeline::prefill(session, model, *state, user, part(options.depth), options.chunk, false);

  Repeat repeat;
  if (options.probe_seconds > 0) repeat.before = session.device().peaks(options.probe_seconds);
  const auto start = Clock::now();
  if (options.prompt > 0)
    for (const std::int32_t user : users)
      pipeline::prefill(session, model, *state, user, part(options.prompt), options.chunk, false);
  repeat.prefill_seconds = seconds_since(start);

  std::vector<std::int32_t> tokens(users.size());
  for (std::int64_t step = 0; step < options.warmup + options.generate; ++step) {
    for (std::size_t user = 0; user < users.size(); ++user)
      tokens[user] = ids[(static_cast<std::size_t>(step) + user * 13) % ids.size()];
    const auto begin = Clock::now();
    pipeline::decode(session, model, *state, users, tokens);
    if (step >= options.warmup) repeat.steps.push_back(seconds_since(begin));
  }
  if (options.probe_seconds > 0) repeat.after = session.device().peaks(options.probe_seconds);
  return repeat;
}

bool steady(const Repeat& repeat) {
  const auto close = [](double a, double b) { return a == 0 || std::abs(a - b) <= kProbeTolerance * std::max(a, b); };
  return close(repeat.before.read_bandwidth, repeat.after.read_bandwidth);
}

}  // namespace

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

std::vector<Measurement> run_bench(pipeline::Engine& engine, const BenchOptions& options) {
  const model::Description& d = engine.model().description();
  const std::int64_t total = options.depth + options.prompt + options.warmup + options.generate;
  if (options.prompt < 1 || options.generate < 1 || options.batch < 1 || options.repeats < 1 || options.depth < 0 ||
      options.warmup < 0)
    fail(Category::kUsage, "", "prompt, generate, batch and repeats must be at least 1, depth and warmup at least 0");
  if (d.max_positions > 0 && total > d.max_positions)
    fail(Category::kUsage, "", "depth {} + prompt {} + generate {} + warm-up {} is past the model's {} positions",
         options.depth, options.prompt, options.generate, options.warmup, d.max_positions);
  run::Session& session = engine.session();
  const double state_bytes =
      engine.model().state_bytes_per_position(session.policy()) * static_cast<double>(total) * options.batch;
  if (state_bytes > static_cast<double>(session.device().available_bytes()))
    fail(Category::kResource, "", "{} users of {} positions need {:.3g} GB of KV cache; {:.3g} GB are free",
         options.batch, total, state_bytes / 1e9, static_cast<double>(session.device().available_bytes()) / 1e9);

  Rng rng(1);
  std::vector<std::int32_t> ids(static_cast<std::size_t>(std::max<std::int64_t>({options.prompt, options.depth, 64})));
  for (std::int32_t& id : ids) id = static_cast<std::int32_t>(rng.below(d.vocab_size));

  if (options.warmup > 0) {
    BenchOptions warm = options;
    warm.prompt = std::min<std::int64_t>(64, options.prompt);
    warm.depth = 0;
    warm.generate = 1;
    warm.probe_seconds = 0;
    run_once(engine, warm, ids);
  }

  std::vector<double> prefill_rates;
  std::vector<double> decode_rates;
  std::vector<double> steps;
  std::vector<double> shares_bandwidth;
  std::vector<double> shares_peak;
  std::vector<double> bandwidths;
  std::vector<double> peaks;
  int rerun = 0;
  const double tokens = static_cast<double>(options.batch) * static_cast<double>(options.prompt);

  // Cost of each phase, from one counted run of it.
  session.reset_counters();
  BenchOptions counted = options;
  counted.probe_seconds = 0;
  op::Cost prefill_cost;
  op::Cost decode_cost;
  {
    struct Counter : run::Observer {
      op::Cost prefill;
      op::Cost decode;
      std::int64_t decode_steps = 0;
      void on_call(const run::CallRecord& record) override {
        if (record.nested) return;
        (record.phase == run::Phase::kPrefill ? prefill : decode) += record.cost;
      }
    } counter;
    counted.generate = 1;
    counted.warmup = 0;
    session.attach(counter);
    run_once(engine, counted, ids);
    session.detach(counter);
    prefill_cost = counter.prefill;
    decode_cost = counter.decode;
    if (options.depth > 0)  // the untimed part is prefill work too
      prefill_cost.flops *= static_cast<double>(options.prompt) / static_cast<double>(options.prompt + options.depth);
  }
  const auto fallbacks = session.counters().fallbacks;

  Progress progress("bench", options.repeats, "repeats");
  for (int index = 0; index < options.repeats; ++index) {
    Repeat repeat = run_once(engine, options, ids);
    for (int again = 0; again < kMostReruns && !steady(repeat); ++again) {
      ++rerun;
      repeat = run_once(engine, options, ids);
    }
    const double decode_seconds = std::accumulate(repeat.steps.begin(), repeat.steps.end(), 0.0);
    prefill_rates.push_back(tokens / repeat.prefill_seconds);
    decode_rates.push_back(static_cast<double>(repeat.steps.size()) / decode_seconds);
    steps.insert(steps.end(), repeat.steps.begin(), repeat.steps.end());
    if (repeat.before.read_bandwidth > 0) {
      const double bandwidth = (repeat.before.read_bandwidth + repeat.after.read_bandwidth) / 2;
      bandwidths.push_back(bandwidth);
      shares_bandwidth.push_back(decode_rates.back() * decode_cost.bytes() / bandwidth);
    }
    const bool narrow = session.policy().format(d.layer_prefix + "0", run::Group::kActivation) != Format::f32;
    const double peak = narrow ? (repeat.before.flops_bf16 + repeat.after.flops_bf16) / 2
                               : (repeat.before.flops_f32 + repeat.after.flops_f32) / 2;
    if (peak > 0) {
      peaks.push_back(peak);
      shares_peak.push_back(prefill_cost.flops / repeat.prefill_seconds / peak);
    }
    progress.add(1);
  }

  const auto spread = [](const std::vector<double>& rates) {
    return (*std::ranges::max_element(rates) - *std::ranges::min_element(rates)) / median(rates);
  };
  Measurement common;
  common.policy = session.policy().name();
  common.batch = options.batch;
  common.prompt = options.prompt;
  common.depth = options.depth;
  common.threads = session.device().executor().threads();
  common.bandwidth = median(bandwidths);
  common.peak_flops = median(peaks);
  common.rss_bytes = peak_rss_bytes();
  common.rerun = rerun;
  common.fallbacks = fallbacks;

  Measurement prefill = common;
  prefill.phase = "prefill";
  prefill.tokens_per_s = median(prefill_rates);
  prefill.tokens_per_s_per_user = prefill.tokens_per_s / options.batch;
  prefill.spread = spread(prefill_rates);
  prefill.ttft_ms = 1e3 * static_cast<double>(options.prompt) / (prefill.tokens_per_s / options.batch);
  prefill.bytes_per_step = prefill_cost.bytes();
  prefill.flops_per_step = prefill_cost.flops;
  prefill.share_of_peak = median(shares_peak);
  if (common.bandwidth > 0)
    prefill.share_of_bandwidth = prefill_cost.bytes() * prefill.tokens_per_s / tokens / common.bandwidth;

  Measurement decode = common;
  decode.phase = "decode";
  decode.tokens_per_s_per_user = median(decode_rates);
  decode.tokens_per_s = decode.tokens_per_s_per_user * options.batch;
  decode.spread = spread(decode_rates);
  decode.latency_ms_p50 = 1e3 * percentile(steps, 0.5);
  decode.latency_ms_p90 = 1e3 * percentile(steps, 0.9);
  decode.latency_ms_p99 = 1e3 * percentile(steps, 0.99);
  decode.bytes_per_step = decode_cost.bytes();
  decode.flops_per_step = decode_cost.flops;
  decode.share_of_bandwidth = median(shares_bandwidth);
  if (common.peak_flops > 0)
    decode.share_of_peak = decode_cost.flops * decode.tokens_per_s_per_user / common.peak_flops;
  return {prefill, decode};
}

Json Measurement::json() const {
  return {{"phase", phase},
          {"policy", policy},
          {"batch", batch},
          {"prompt", prompt},
          {"depth", depth},
          {"threads", threads},
          {"tokens_per_s", tokens_per_s},
          {"tokens_per_s_per_user", tokens_per_s_per_user},
          {"spread", spread},
          {"ttft_ms", ttft_ms},
          {"latency_ms_p50", latency_ms_p50},
          {"latency_ms_p90", latency_ms_p90},
          {"latency_ms_p99", latency_ms_p99},
          {"bytes_per_step", bytes_per_step},
          {"flops_per_step", flops_per_step},
          {"bandwidth", bandwidth},
          {"peak_flops", peak_flops},
          {"share_of_bandwidth", share_of_bandwidth},
          {"share_of_peak", share_of_peak},
          {"rss_bytes", rss_bytes},
          {"rerun", rerun},
          {"fallbacks", fallbacks}};
}

}  // namespace firstlight::harness
