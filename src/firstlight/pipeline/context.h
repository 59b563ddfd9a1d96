// The texts of some users as ids, with a state that holds exactly those, whatever must be rebuilt for that.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "firstlight/pipeline/feed.h"

namespace firstlight::pipeline {

class Context {
 public:
  // `options` as for a state; prompts are fed in chunks of `chunk` rows (0 = all at once). Session and model outlive
  // it.
  Context(run::Session& session, const model::Model& model, const nn::StateOptions& options, std::int64_t chunk);

  const std::vector<std::int32_t>& ids(int sequence) const { return ids_[static_cast<std::size_t>(sequence)]; }
  const nn::State& state() const { return *state_; }
  // The total length that length-dependent positions of an empty sequence are fixed to.
  void declare_length(int sequence, std::int64_t length);
  // Adds ids (at least one) to a text; logits f32 [1, V] of the last one.
  HostTensor feed(int sequence, std::span<const std::int32_t> ids);
  // Adds one id to each of several texts; logits f32 [n, V].
  HostTensor step(std::span<const std::int32_t> sequences, std::span<const std::int32_t> ids);
  // Forgets a text from `length` on.
  void trim(int sequence, std::int64_t length);
  // How many filled sequences were computed anew because they outgrew their declared length or the state.
  std::int64_t rebuilds() const { return rebuilds_; }

 private:
  // A sequence that outgrows its declared length is declared at least twice as long, and refilled: what a cache holds
  // is never reinterpreted under other frequencies.
  void make_room(int sequence, std::int64_t rows);
  // Makes the state as it should be for declared_ and ids_: of one sequence, or of all in a new state.
  void refill(int sequence);
  void replace_state(std::int64_t max_length);

  run::Session& session_;
  const model::Model& model_;
  nn::StateOptions options_;
  std::int64_t chunk_;
  std::unique_ptr<nn::State> state_;
  std::vector<std::int64_t> declared_;  // one a sequence
  std::vector<std::vector<std::int32_t>> ids_;
  std::int64_t rebuilds_ = 0;
};

}  // namespace firstlight::pipeline
