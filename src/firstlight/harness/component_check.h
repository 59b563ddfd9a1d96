// The component check: each component's output on a device against the reference device, decode first, then prefill.
// Forced: every component gets the reference's inputs, so the number is its own error. Cumulative: it gets what the
// device itself made, so the number is what a user of the model sees at that place.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "firstlight/harness/metrics.h"
#include "firstlight/harness/own_error.h"
#include "firstlight/harness/verdict.h"
#include "firstlight/pipeline/engine.h"

namespace firstlight::harness {

// What is held to reference inputs: single ops and small modules, whole modules, or whole decoder layers.
enum class Level : std::uint8_t { kOp, kModule, kDecoder };
std::string_view level_name(Level level);
Level level_of(const model::Model::Component& component);

struct ComponentRow {
  std::string phase;  // "decode" or "prefill"
  std::string key;
  std::string module;
  int layer = -1;
  Level level = Level::kOp;
  Metrics forced;
  Metrics cumulative;
  // Of the component's own op, given the reference's inputs; absent where no single kernel computes it.
  std::optional<OwnError> own;
};

struct ComponentOptions {
  int batch = 32;             // users of the decode step, each with a prompt of its own length
  std::int64_t context = 24;  // the longest of those prompts
  std::int64_t prefill_tokens = 2048;
  bool prefill = true;
  std::int64_t bound_rows = 8;  // of each call, whose errors are held to the computed bound; 0: none
};

struct ComponentCheck {
  std::vector<ComponentRow> rows;   // decode first, in order of computation
  std::int64_t prefill_tokens = 0;  // after bounding by the model's positions
  bool finite = true;
  Json json() const;
};

// Both engines hold the same checkpoint. `ids` supplies prompts and prefill text (repeated as needed).
ComponentCheck check_components(pipeline::Engine& reference, pipeline::Engine& device,
                                std::span<const std::int32_t> ids, const ComponentOptions& options);

// The worst module, decoder and prefill PCC, scale and offset under the target's bars.
std::vector<Verdict> verdicts(const ComponentCheck& check, const Target& target);

}  // namespace firstlight::harness
