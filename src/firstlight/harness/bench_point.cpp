// Filling, timing, probing.
#include "firstlight/harness/bench_point.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "firstlight/base/error.h"
#include "firstlight/base/rng.h"
#include "firstlight/harness/statistics.h"

namespace firstlight::harness {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

constexpr double kProbeTolerance = 0.10;  // docs/performance.md, "How speed is measured"
constexpr int kMostReruns = 3;            // of one repeat; then it counts as it is
constexpr std::int64_t kWarmPrompt = 64;
constexpr std::int64_t kLeastIds = 64;

double mean_of(double a, double b) { return (a + b) / 2; }

bool steady(const device::Peaks& before, const device::Peaks& after) {
  const auto close = [](double a, double b) { return std::abs(a - b) <= kProbeTolerance * std::max(a, b); };
  return close(before.read_bandwidth, after.read_bandwidth) && close(before.flops_f32, after.flops_f32) &&
         close(before.flops_bf16, after.flops_bf16);
}

}  // namespace

BenchPoint::BenchPoint(pipeline::Engine& engine, const BenchOptions& options)
    : engine_(engine), session_(engine.session()), options_(options), users_(static_cast<std::size_t>(options.batch)) {
  rss_bytes_ = peak_rss_bytes();  // of the load
  std::iota(users_.begin(), users_.end(), 0);
  Rng rng(1);
  ids_.resize(static_cast<std::size_t>(std::max({options.prompt, options.depth, kLeastIds})));
  for (std::int32_t& id : ids_) id = static_cast<std::int32_t>(rng.below(engine.model().description().vocab_size));
  nn::StateOptions state;
  state.sequences = options.batch;
  state.max_length = options.depth + options.prompt + options.warmup + options.generate;
  state_ = engine.model().new_state(session_, state);
  fill();
  if (options.warmup == 0) return;
  if (options.prompt > 0) prefill(std::min(kWarmPrompt, options.prompt));
  if (options.generate > 0) decode(1, nullptr);
}

// The first user's cache is filled by a prefill, the others' by copies of it: their users differ in what comes after.
void BenchPoint::fill() {
  if (options_.depth == 0) return;
  pipeline::prefill(session_, engine_.model(), *state_, 0,
                    std::span(ids_).first(static_cast<std::size_t>(options_.depth)), options_.chunk, false);
  for (std::size_t user = 1; user < users_.size(); ++user) state_->copy_sequence(0, users_[user]);
}

void BenchPoint::rewind() {
  try {
    for (const std::int32_t user : users_) state_->trim(user, options_.depth);
  } catch (const Error& error) {
    if (error.category() != Category::kUnsupported) throw;
    // A recurrent state cannot go back to the middle: it is filled anew.
    for (const std::int32_t user : users_) state_->trim(user, 0);
    fill();
  }
}

void BenchPoint::prefill(std::int64_t length) {
  for (const std::int32_t user : users_)
    pipeline::prefill(session_, engine_.model(), *state_, user, std::span(ids_).first(static_cast<std::size_t>(length)),
                      options_.chunk, false);
}

void BenchPoint::decode(std::int64_t steps, std::vector<double>* step_seconds) {
  std::vector<std::int32_t> tokens(users_.size());
  for (std::int64_t step = 0; step < steps; ++step) {
    for (std::size_t user = 0; user < users_.size(); ++user)  // users differ
      tokens[user] = ids_[(static_cast<std::size_t>(step) + user * 13) % ids_.size()];
    const auto begin = Clock::now();
    pipeline::decode(session_, engine_.model(), *state_, users_, tokens);
    if (step_seconds != nullptr) step_seconds->push_back(seconds_since(begin));
  }
}

device::Peaks BenchPoint::probe() {
  if (options_.probe_seconds == 0) return {};
  rss_bytes_ = std::max(rss_bytes_, peak_rss_bytes());
  device::Peaks peaks = session_.device().peaks(options_.probe_seconds);
  reset_peak_rss();  // the probe's buffer is not the model's
  return peaks;
}

BenchPoint::Repeat BenchPoint::run_once() {
  rewind();
  Repeat repeat;
  repeat.before = probe();
  if (options_.prompt > 0) {
    session_.reset_counters();
    const auto start = Clock::now();
    prefill(options_.prompt);
    repeat.prefill = {seconds_since(start), 1, session_.counters()};
  }
  if (options_.generate > 0) {
    decode(options_.warmup, nullptr);
    session_.reset_counters();
    decode(options_.generate, &repeat.step_seconds);
    repeat.decode = {std::accumulate(repeat.step_seconds.begin(), repeat.step_seconds.end(), 0.0), options_.generate,
                     session_.counters()};
  }
  repeat.after = probe();
  return repeat;
}

void BenchPoint::repeat() {
  Repeat repeat = run_once();
  for (int again = 0; again < kMostReruns && !steady(repeat.before, repeat.after); ++again) {
    ++rerun_;
    repeat = run_once();
  }
  repeats_.push_back(std::move(repeat));
}

Measurement BenchPoint::measure(std::string phase, Timing Repeat::*timing) const {
  const bool prefill = timing == &Repeat::prefill;
  Measurement m;
  m.phase = std::move(phase);
  m.policy = session_.policy().name();
  m.isa = session_.device().description().isa;
  m.batch = options_.batch;
  m.prompt = options_.prompt;
  m.depth = options_.depth;
  m.chunk = options_.chunk;
  m.threads = session_.device().executor().threads();
  m.repeats = static_cast<int>(repeats_.size());
  m.rerun = rerun_;
  m.rss_bytes = std::max(rss_bytes_, options_.probe_seconds == 0 ? peak_rss_bytes() : 0);

  // The arithmetic whose peak counts: bf16 where activations are stored that narrow.
  const std::string layer = engine_.model().description().layer_prefix + "0";
  const bool narrow = session_.policy().format(layer, run::Group::kActivation) != Format::f32;
  const double tokens_per_step =
      static_cast<double>(options_.batch) * (prefill ? static_cast<double>(options_.prompt) : 1);
  std::vector<double> steps_per_s;
  std::vector<double> bandwidths;
  std::vector<double> peaks;
  std::vector<double> bandwidth_shares;
  std::vector<double> peak_shares;
  std::vector<double> latencies_ms;
  for (const Repeat& repeat : repeats_) {
    const Timing& time = repeat.*timing;
    const auto steps = static_cast<double>(time.steps);
    steps_per_s.push_back(steps / time.seconds);
    m.rates.push_back(tokens_per_step * steps_per_s.back());
    m.fallbacks = time.counters.fallbacks;
    m.bytes_per_step = time.counters.cost.bytes() / steps;
    m.flops_per_step = time.counters.cost.flops / steps;
    m.replayed = static_cast<double>(time.counters.replays) / steps;
    if (!prefill)
      for (const double seconds : repeat.step_seconds) latencies_ms.push_back(1e3 * seconds);
    if (options_.probe_seconds == 0) continue;
    bandwidths.push_back(mean_of(repeat.before.read_bandwidth, repeat.after.read_bandwidth));
    peaks.push_back(narrow ? mean_of(repeat.before.flops_bf16, repeat.after.flops_bf16)
                           : mean_of(repeat.before.flops_f32, repeat.after.flops_f32));
    if (bandwidths.back() > 0)
      bandwidth_shares.push_back(time.counters.cost.bytes() / time.seconds / bandwidths.back());
    if (peaks.back() > 0) peak_shares.push_back(time.counters.cost.flops / time.seconds / peaks.back());
  }
  m.steps_per_s = median(steps_per_s);
  m.tokens_per_s = median(m.rates);
  m.tokens_per_s_per_user = m.tokens_per_s / options_.batch;
  m.spread = spread(m.rates);
  m.bandwidth = median(bandwidths);
  m.peak_flops = median(peaks);
  m.share_of_bandwidth = median(bandwidth_shares);
  m.share_of_peak = median(peak_shares);
  if (prefill) m.ttft_ms = m.steps_per_s > 0 ? 1e3 / m.steps_per_s : 0;
  m.latency_ms_p50 = percentile(latencies_ms, 0.5);
  m.latency_ms_p90 = percentile(latencies_ms, 0.9);
  m.latency_ms_p99 = percentile(latencies_ms, 0.99);
  return m;
}

std::vector<Measurement> BenchPoint::measurements() const {
  std::vector<Measurement> list;
  if (options_.prompt > 0) list.push_back(measure("prefill", &Repeat::prefill));
  if (options_.generate > 0) list.push_back(measure("decode", &Repeat::decode));
  return list;
}

}  // namespace firstlight::harness
