// What every layer of a forward call needs to know of its rows, uploaded once.
#pragma once

#include <cstdint>
#include <vector>

#include "firstlight/nn/state.h"
#include "firstlight/run/session.h"

namespace firstlight::nn {

class DecoderState;

struct BatchTensors {
  run::Tensor ids;                          // i32 [R]
  run::Tensor sequences;                    // i32 [R]
  run::Tensor positions;                    // i32 [R]
  run::Tensor table;                        // i32 [S, P]
  std::vector<run::Tensor> rope_positions;  // i32 [R], rows of the tables of each rope
  std::int64_t max_context = 0;             // positions up to the furthest row's own

  std::int64_t rows() const { return static_cast<std::int64_t>(host_positions.size()); }
  // Sum over rows of the positions attended to under a window (0 = none).
  std::int64_t attended(std::int64_t window) const;
  std::vector<std::int32_t> host_positions;
};

// Checks the batch against the state, takes the pages it needs, uploads. Throws kInternal for rows that do not continue
// their sequences, kUsage for positions beyond the state's max_length.
BatchTensors make_batch_tensors(run::Session& session, const Batch& batch, DecoderState& state);
// The same for rows that change: each tensor is one of its own, and max_context is all that the state can hold.
BatchTensors make_lasting_batch_tensors(run::Session& session, const Batch& batch, DecoderState& state);
// Overwrites lasting tensors with those of another batch of as many rows.
void update_batch_tensors(run::Session& session, const Batch& batch, DecoderState& state, BatchTensors& tensors);
// After a forward call: the state holds its rows.
void advance(const Batch& batch, DecoderState& state);

}  // namespace firstlight::nn
