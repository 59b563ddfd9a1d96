// Engines on the small committed checkpoints, for harness tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "firstlight/base/rng.h"
#include "firstlight/device/contract.h"
#include "firstlight/pipeline/engine.h"
#include "testing/testing.h"

namespace firstlight::harness {

// A device and an engine on it that live together.
struct Rig {
  std::unique_ptr<device::Device> device;
  std::unique_ptr<pipeline::Engine> engine;
};

inline Rig make_rig(const std::filesystem::path& folder, std::string_view device_name,
                    const std::string& policy = "f32", int threads = 2) {
  Rig rig;
  rig.device = device::open_device(device_name, {.threads = threads, .isa = ""});
  pipeline::EngineOptions options;
  options.policy = policy;
  options.cache_dir = "none";
  rig.engine = std::make_unique<pipeline::Engine>(folder, *rig.device, options);
  return rig;
}

inline std::filesystem::path golden(const std::string& name) {
  return testing::source_dir() / "tests" / "golden" / name;
}

inline std::vector<std::int32_t> random_ids(std::int64_t count, std::int64_t vocabulary, std::uint64_t seed = 5) {
  Rng rng(seed);
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < count; ++i) ids.push_back(static_cast<std::int32_t>(rng.below(vocabulary)));
  return ids;
}

}  // namespace firstlight::harness
