// What the tests of this room run on.
#pragma once

#include "firstlight/pipeline/engine.h"
#include "model/fixtures.h"

namespace firstlight::testing {

// The model whose positions depend on the declared length: short factors up to 32 tokens.
inline Loaded tiny() {
  for (const model::ModelRow& row : model::models()) {
    if (std::string(row.tiny_config).find("short_factor") != std::string::npos) {
      return load(make_checkpoint(std::string(row.tiny_config), 17), {"cpu", "", 0}, "f32");
    }
  }
  return {};
}

// A load that leaves nothing on disk.
inline pipeline::EngineOptions no_cache() { return {.policy = "f32", .cache_dir = "none", .waivers = {}}; }

}  // namespace firstlight::testing
