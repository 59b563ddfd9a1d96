// Models on devices for the tests of this room and of pipeline: loaded from a folder, or made up from a config.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <numeric>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "firstlight/base/file.h"
#include "firstlight/device/contract.h"
#include "firstlight/io/checkpoint.h"
#include "firstlight/model/model.h"
#include "firstlight/run/loader.h"
#include "firstlight/run/session.h"
#include "nn/random_checkpoint.h"
#include "testing/testing.h"

namespace firstlight::testing {

// A device and, where it has several, its ISA; `bar` is the NMSE that f32 results keep against an exact reference.
struct DeviceChoice {
  std::string device;
  std::string isa;
  double bar = 0;
  friend void PrintTo(const DeviceChoice& choice, std::ostream* out) { *out << choice.device << " " << choice.isa; }
};

inline std::string device_name(const ::testing::TestParamInfo<DeviceChoice>& info) {
  return info.param.isa.empty() ? info.param.device : info.param.device + "_" + info.param.isa;
}

// ref, and cpu under every ISA that this machine has.
inline std::vector<DeviceChoice> exact_devices() {
  std::vector<DeviceChoice> choices = {{"ref", "", 1e-10}};
  for (const char* isa : {"portable", "avx2", "avx512"}) {
    try {
      device::open_device("cpu", {.threads = 1, .isa = isa});
      choices.push_back({"cpu", isa, 1e-9});
    } catch (const Error& error) {
      if (error.category() != Category::kUnsupported) throw;  // any other error is a finding
    }
  }
  return choices;
}

// A model ready to run, with what it stands on.
struct Loaded {
  std::unique_ptr<device::Device> device;
  std::unique_ptr<run::Session> session;
  std::unique_ptr<model::Model> model;
};

inline Loaded load(const std::filesystem::path& folder, const DeviceChoice& choice, const std::string& policy,
                   int threads = 2, const std::string& config_name = "config.json") {
  Loaded loaded;
  loaded.device = device::open_device(choice.device, {.threads = threads, .isa = choice.isa});
  const io::Config config = io::Config::load(folder / config_name);
  loaded.model = model::make_model(config);
  EXPECT_THAT(config.unread(), ::testing::IsEmpty());
  loaded.session = std::make_unique<run::Session>(*loaded.device, run::Policy::load(policy));
  const io::Checkpoint checkpoint(folder);
  run::Loader loader(*loaded.session, checkpoint, {.cache_dir = "none", .waivers = {}});
  loaded.model->declare(loader);
  loader.finish();
  return loaded;
}

// Feeds ids to a sequence in one call, straight through Model::forward; logits [n, V] of all of them.
inline HostTensor feed(Loaded& loaded, nn::State& state, int sequence, std::span<const std::int32_t> ids) {
  nn::Batch batch;
  batch.ids.assign(ids.begin(), ids.end());
  batch.sequences.assign(ids.size(), sequence);
  batch.positions.resize(ids.size());
  std::iota(batch.positions.begin(), batch.positions.end(), static_cast<std::int32_t>(state.length(sequence)));
  batch.logit_rows.resize(ids.size());
  std::iota(batch.logit_rows.begin(), batch.logit_rows.end(), 0);
  loaded.session->set_phase(ids.size() == 1 ? run::Phase::kDecode : run::Phase::kPrefill);
  return loaded.session->download(loaded.model->forward(*loaded.session, batch, state));
}

// Logits [T, V] of a text fed at once under the declared length T.
inline HostTensor whole_logits(Loaded& loaded, std::span<const std::int32_t> ids) {
  const auto state = loaded.model->new_state(*loaded.session, {.max_length = static_cast<std::int64_t>(ids.size())});
  return feed(loaded, *state, 0, ids);
}

inline std::int32_t largest(std::span<const float> logits) {
  return static_cast<std::int32_t>(std::ranges::max_element(logits) - logits.begin());
}

// sum((got - want)^2) / sum(want^2); infinite where something is not finite.
inline double nmse(std::span<const float> got, std::span<const float> want) {
  EXPECT_EQ(got.size(), want.size());
  double error = 0;
  double power = 0;
  for (std::size_t i = 0; i < std::min(got.size(), want.size()); ++i) {
    if (!std::isfinite(got[i])) return INFINITY;
    const double difference = static_cast<double>(got[i]) - want[i];
    error += difference * difference;
    power += static_cast<double>(want[i]) * want[i];
  }
  return error / power;
}

// Writes config.json and random weights of a config (a model row's tiny one) into a fresh folder.
inline std::filesystem::path make_checkpoint(const std::string& config, std::uint64_t seed) {
  const std::filesystem::path folder = scratch_dir("model");
  write_text_file(folder / "config.json", config);
  run::WeightPlanSink plan;
  const auto model = model::make_model(io::Config::parse(config, "tiny config"));
  model->declare(plan);
  write_weights(folder, random_weights(plan.requests(), seed));
  return folder;
}

// Ids without a pattern.
inline std::vector<std::int32_t> random_ids(std::int64_t count, std::int64_t vocab_size, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
  for (std::int32_t& id : ids) id = static_cast<std::int32_t>(rng.below(vocab_size));
  return ids;
}

}  // namespace firstlight::testing
