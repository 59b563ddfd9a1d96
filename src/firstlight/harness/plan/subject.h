// What a plan is about: the dimensions, weights and state of a model, from its config.json or from a table of
// dimensions. No weights are read.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/io/config.h"
#include "firstlight/model/model.h"

namespace firstlight::harness::plan {

// Positions that a layer with this window keeps of a context: pages hold 32, and a window's are used again in turn
// (tt_stack.md §9.1, cache_position_modulo).
constexpr std::int64_t kept_positions(std::int64_t context, std::int64_t window) {
  return round_up(window > 0 ? std::min(context, window) : context, 32);
}

struct Subject {
  std::string name;               // for policies' exceptions and reports
  std::vector<std::string> also;  // other names of the same dimensions
  model::Description description;
  std::vector<run::WeightRequest> requests;  // every weight, as declared
  // The layers that cache keys and values; a window bounds what each keeps and reads.
  std::vector<model::Model::StateLayer> kv_layers;
  std::int64_t experts = 0;  // of a mixture, 0 = none
  std::int64_t experts_per_token = 0;
  double recurrent_bytes = 0;  // of state that does not grow with the context, one user
  std::int64_t parameters = 0;
  double published_parameters = 0;  // 0 = not stated
};

// `path` is a checkpoint folder or a config.json. Throws kUnsupported for an architecture that is not in the list.
Subject subject_from_config(const std::filesystem::path& path);
Subject subject_from_config(const io::Config& config, std::string name);

// A table of dimensions: {"name": {"architecture": ..., "num_hidden_layers": ..., ...}, ...}. What it says of a layer
// (gated MLP, biases, experts, a state-space mixer) is enough to declare the weights that such a layer has.
bool is_dimension_table(const Json& json);
std::vector<Subject> subjects_from_table(const Json& json, std::string_view where);

// A folder, a config.json, or a table; of a table all entries, or the one named `entry` (or also called so).
std::vector<Subject> load_subjects(const std::filesystem::path& path, std::string_view entry);

}  // namespace firstlight::harness::plan
