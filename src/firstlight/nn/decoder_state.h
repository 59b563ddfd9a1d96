// The state of a decoder: a KV cache, and how far and under which rotation each sequence has got.
#pragma once

#include <cstdint>
#include <vector>

#include "firstlight/nn/decoder_spec.h"
#include "firstlight/nn/decoder_step.h"
#include "firstlight/nn/kv_cache.h"
#include "firstlight/nn/rope_tables.h"
#include "firstlight/nn/state.h"

namespace firstlight::nn {

// The caches that a decoder of this kind keeps.
std::vector<KvLayer> kv_layers(const DecoderSpec& spec);

class DecoderState : public State {
 public:
  // The session outlives the state. Throws kUsage for options that make no sense.
  DecoderState(run::Session& session, const DecoderSpec& spec, const StateOptions& options);

  int sequences() const override { return static_cast<int>(sequences_.size()); }
  std::int64_t length(int sequence) const override { return at(sequence).length; }
  std::int64_t max_length() const override { return max_length_; }
  std::int64_t declared_length(int sequence) const override { return at(sequence).declared_length; }
  void declare_length(int sequence, std::int64_t length) override;
  void trim(int sequence, std::int64_t length) override;
  void copy_sequence(int from, int to) override;
  std::size_t bytes() const override;

  KvCache& cache() { return cache_; }
  DecoderStep& step() { return step_; }
  int ropes() const { return static_cast<int>(ropes_.size()); }
  const RopeTables& rope(int index) const { return ropes_[static_cast<std::size_t>(index)]; }
  // Row 0 of a sequence's positions in the tables of a rope.
  std::int64_t rope_row(int rope, int sequence) const { return at(sequence).rope_rows[static_cast<std::size_t>(rope)]; }
  // Takes pages for `rows` positions more. Throws kUsage beyond max_length.
  void reserve(int sequence, std::int64_t rows);
  // Says that the next `rows` positions are filled.
  void advance(int sequence, std::int64_t rows);

 private:
  struct Sequence {
    std::int64_t length = 0;
    std::int64_t declared_length = 0;
    std::vector<std::int64_t> rope_rows;  // one a rope
  };
  const Sequence& at(int sequence) const;
  Sequence& at(int sequence);

  std::int64_t max_length_;
  std::int64_t most_positions_;  // that the model has vectors for; 0 = no limit
  KvCache cache_;
  std::vector<RopeTables> ropes_;
  std::vector<Sequence> sequences_;
  DecoderStep step_;
};

}  // namespace firstlight::nn
