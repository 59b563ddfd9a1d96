// Speed: TTFT, tokens/s per user and in all, latency percentiles, and what share of this machine's measured rates that
// is. Bandwidth and peak are probed before and after each repeat (docs/performance.md, "How speed is measured").
#pragma once

#include <span>
#include <string>
#include <vector>

#include "firstlight/harness/roofline.h"
#include "firstlight/pipeline/engine.h"

namespace firstlight::harness {

struct BenchOptions {
  std::int64_t prompt = 512;   // tokens prefilled by each user, timed; 0 = decode only
  std::int64_t depth = 0;      // tokens already in each user's cache before that, not timed
  std::int64_t generate = 64;  // decode steps timed; 0 = prefill only
  int batch = 1;
  int repeats = 3;
  int warmup = 1;  // untimed: decode steps before the timed ones, and one prefill of up to 64 tokens at the start
  std::int64_t chunk = 512;
  double probe_seconds = 0.25;  // for each probe, 0 = no probes (no shares)
};

// One line per phase. A step is the prompts of all users in prefill, one token of each user in decode.
struct Measurement {
  std::string phase;  // "prefill" or "decode"
  std::string policy;
  std::string isa;
  int batch = 1;
  std::int64_t prompt = 0;
  std::int64_t depth = 0;
  std::int64_t chunk = 0;
  int threads = 1;
  int repeats = 0;
  double tokens_per_s = 0;  // median over repeats
  double tokens_per_s_per_user = 0;
  double spread = 0;          // (max - min) / median over repeats
  double ttft_ms = 0;         // prefill: time until the last user's prompt is done
  double latency_ms_p50 = 0;  // decode: of single steps, all repeats
  double latency_ms_p90 = 0;
  double latency_ms_p99 = 0;
  double steps_per_s = 0;
  double bytes_per_step = 0;
  double flops_per_step = 0;
  double replayed = 0;            // share of the steps that were replays of a trace
  double bandwidth = 0;           // probed, bytes/s, median over repeats
  double peak_flops = 0;          // probed for the policy's arithmetic
  double share_of_bandwidth = 0;  // medians over repeats of rate / mean of the two probes around it
  double share_of_peak = 0;
  std::size_t rss_bytes = 0;  // VmHWM while loading and measuring; what the probes touch is left out
  int rerun = 0;              // repeats run again because their probes differed by more than 10 %
  std::map<std::string, std::int64_t, std::less<>> fallbacks;
  std::vector<double> rates;  // tokens/s of each repeat, in order
  Json json() const;
};

// Two settings measured in turns.
struct Comparison {
  Measurement a;
  Measurement b;
  double ratio = 0;  // a over b in tokens/s: geometric mean over pairs
  double low = 0;    // with confidence kRatioConfidence the ratio is in [low, high]
  double high = 0;
  Json json() const;
};
constexpr double kRatioConfidence = 0.95;

// Throws kUsage for numbers that make no sense or lie past the model's positions, and kResource when the users at
// that length need more memory than the device has, the weights counted (`requests` as the model declares them). Needs
// no weights: call it before loading them.
void check_bench(const BenchOptions& options, const model::Model& model,
                 const std::vector<run::WeightRequest>& requests, const run::Policy& policy,
                 const device::Device& device);

// Prefill, decode or both, as the options have it.
std::vector<Measurement> run_bench(pipeline::Engine& engine, const BenchOptions& options);

// The same point on two engines in turns, which one goes first alternating; options differ in nothing but chunk. Two
// repeats or more.
std::vector<Comparison> run_paired(pipeline::Engine& a, const BenchOptions& options_a, pipeline::Engine& b,
                                   const BenchOptions& options_b);

// VmHWM of this process, bytes; and setting it back to what is resident now (where the kernel lets us).
std::size_t peak_rss_bytes();
void reset_peak_rss();

}  // namespace firstlight::harness
