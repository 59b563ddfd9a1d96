// One point of a bench: a model's state filled to the depth, then prefill and decode repeated between probes. Internal
// to the bench.
#pragma once

#include <memory>
#include <vector>

#include "firstlight/device/contract.h"
#include "firstlight/harness/bench.h"

namespace firstlight::harness {

class BenchPoint {
 public:
  // Fills the caches and warms up. The engine outlives the point.
  BenchPoint(pipeline::Engine& engine, const BenchOptions& options);

  // Once more, between probes; again where the machine was not steady.
  void repeat();
  // Of the repeats so far: prefill (unless the prompt is empty), then decode (unless nothing is generated).
  std::vector<Measurement> measurements() const;

 private:
  // One phase of one repeat.
  struct Timing {
    double seconds = 0;
    std::int64_t steps = 0;
    run::Counters counters;
  };
  struct Repeat {
    Timing prefill;
    Timing decode;
    std::vector<double> step_seconds;
    device::Peaks before;
    device::Peaks after;
  };

  void fill();
  void rewind();
  void prefill(std::int64_t length);
  void decode(std::int64_t steps, std::vector<double>* step_seconds);
  device::Peaks probe();
  Repeat run_once();
  Measurement measure(std::string phase, Timing Repeat::*timing) const;

  pipeline::Engine& engine_;
  run::Session& session_;
  BenchOptions options_;
  std::vector<std::int32_t> ids_;
  std::vector<std::int32_t> users_;
  std::unique_ptr<nn::State> state_;
  std::vector<Repeat> repeats_;
  std::size_t rss_bytes_ = 0;
  int rerun_ = 0;
};

}  // namespace firstlight::harness
