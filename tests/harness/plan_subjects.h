// Subjects for tests of the planner: dimensions of published models, by hand.
#pragma once

#include "firstlight/base/json.h"
#include "firstlight/harness/plan/plan.h"
#include "testing/testing.h"

namespace firstlight::harness::plan {

inline Json dimension_entry(std::int64_t layers, std::int64_t hidden, std::int64_t heads, std::int64_t kv_heads,
                            std::int64_t head_dim, std::int64_t intermediate, std::int64_t vocabulary,
                            std::int64_t positions) {
  return {{"architecture", "Any"},
          {"num_hidden_layers", layers},
          {"hidden_size", hidden},
          {"num_attention_heads", heads},
          {"num_key_value_heads", kv_heads},
          {"head_dim", head_dim},
          {"intermediate_size", intermediate},
          {"vocab_size", vocabulary},
          {"max_position_embeddings", positions}};
}

inline Subject subject_of(const std::string& name, const Json& entry) {
  return subjects_from_table(Json{{name, entry}}, "test").at(0);
}

// microsoft/phi-4, meta-llama/Llama-3.1-8B and 3.2-1B: their config.json.
inline Subject fourteen_b() {
  return subject_of("Phi-4", dimension_entry(40, 5120, 40, 10, 128, 17920, 100352, 16384));
}
inline Subject eight_b() {
  return subject_of("Llama-3.1-8B", dimension_entry(32, 4096, 32, 8, 128, 14336, 128256, 131072));
}

inline Plan plan_of(const Subject& subject, std::string_view board, const Request& request) {
  return make_plan(subject, load_board(board), Constants::load(default_constants()), request);
}

}  // namespace firstlight::harness::plan
