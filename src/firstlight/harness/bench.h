// Speed: TTFT, tokens/s per user and in all, latency percentiles, and what share of this machine's measured rates that
// is. Bandwidth and peak are probed before and after each repeat (docs/definitions.md, "Verdicts").
#pragma once

#include <string>
#include <vector>

#include "firstlight/harness/roofline.h"
#include "firstlight/pipeline/engine.h"

namespace firstlight::harness {

struct BenchOptions {
  std::int64_t prompt = 512;   // tokens prefilled by each user, timed
  std::int64_t depth = 0;      // tokens already in each user's cache before that, not timed
  std::int64_t generate = 64;  // decode steps timed
  int batch = 1;
  int repeats = 3;
  int warmup = 1;  // untimed decode steps and one untimed prefill of up to 64 tokens
  std::int64_t chunk = 512;
  double probe_seconds = 0.25;  // for each probe, 0 = no probes (no shares)
};

// One line per phase.
struct Measurement {
  std::string phase;  // "prefill" or "decode"
  std::string policy;
  int batch = 1;
  std::int64_t prompt = 0;
  std::int64_t depth = 0;
  int threads = 1;
  double tokens_per_s = 0;  // median over repeats
  double tokens_per_s_per_user = 0;
  double spread = 0;          // (max - min) / median over repeats
  double ttft_ms = 0;         // prefill: time to the first token of the last user
  double latency_ms_p50 = 0;  // decode: of single steps, all repeats
  double latency_ms_p90 = 0;
  double latency_ms_p99 = 0;
  double bytes_per_step = 0;
  double flops_per_step = 0;
  double bandwidth = 0;   // probed, mean over repeats, bytes/s
  double peak_flops = 0;  // probed for the policy's arithmetic
  double share_of_bandwidth = 0;
  double share_of_peak = 0;
  std::size_t rss_bytes = 0;  // VmHWM
  int rerun = 0;              // repeats run again because their probes differed by more than 10 %
  std::map<std::string, std::int64_t, std::less<>> fallbacks;
  Json json() const;
};

std::vector<Measurement> run_bench(pipeline::Engine& engine, const BenchOptions& options);

// VmHWM of this process, bytes.
std::size_t peak_rss_bytes();

}  // namespace firstlight::harness
