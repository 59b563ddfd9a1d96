// Token ids into a model, logits out: whole texts, chunks of a prompt, one step of several users.
#pragma once

#include <cstdint>
#include <span>

#include "firstlight/model/model.h"
#include "firstlight/nn/state.h"
#include "firstlight/run/session.h"
#include "firstlight/tensor/tensor.h"

namespace firstlight::pipeline {

// Throws kBadInput for an id that is not in the vocabulary, naming its place.
void check_ids(std::span<const std::int32_t> ids, std::int64_t vocab_size);

// Feeds `ids` to `sequence` from where its state stands, in chunks of at most `chunk` rows (0 = all at once). Logits:
// f32 [n, V] for every position when `all`, else [1, V] for the last one.
HostTensor prefill(run::Session& session, const model::Model& model, nn::State& state, int sequence,
                   std::span<const std::int32_t> ids, std::int64_t chunk, bool all);

// One step for several users: token ids[i] goes to sequences[i] at its current length. Logits f32 [n, V].
HostTensor decode(run::Session& session, const model::Model& model, nn::State& state,
                  std::span<const std::int32_t> sequences, std::span<const std::int32_t> ids);

// Logits of a whole text under the declared length T = ids.size(): f32 [T, V].
HostTensor logits(run::Session& session, const model::Model& model, std::span<const std::int32_t> ids,
                  std::int64_t chunk = 0);

}  // namespace firstlight::pipeline
