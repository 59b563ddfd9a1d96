// Batches made of ids.
#include "firstlight/pipeline/feed.h"

#include <algorithm>
#include <numeric>

#include "firstlight/base/error.h"

namespace firstlight::pipeline {

void check_ids(std::span<const std::int32_t> ids, std::int64_t vocab_size) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= vocab_size) {
      fail(Category::kBadInput, "token ids", "id {} at index {} is not in the vocabulary: 0 ... {}", ids[i], i,
           vocab_size - 1);
    }
  }
}

HostTensor prefill(run::Session& session, const model::Model& model, nn::State& state, int sequence,
                   std::span<const std::int32_t> ids, std::int64_t chunk, bool all) {
  const std::int64_t vocab_size = model.description().vocab_size;
  check_ids(ids, vocab_size);
  if (ids.empty() && !all) fail(Category::kBadInput, "token ids", "there are none: at least one gives a next token");
  const auto count = static_cast<std::int64_t>(ids.size());
  const std::int64_t step = chunk > 0 ? chunk : std::max<std::int64_t>(count, 1);
  HostTensor result(Format::f32, Shape{all ? count : 1, vocab_size});
  session.set_phase(run::Phase::kPrefill);
  for (std::int64_t begin = 0; begin < count; begin += step) {
    const std::int64_t end = std::min(begin + step, count);
    const auto rows = static_cast<std::size_t>(end - begin);
    nn::Batch batch;
    batch.ids.assign(ids.begin() + begin, ids.begin() + end);
    batch.sequences.assign(rows, sequence);
    batch.positions.resize(rows);
    std::iota(batch.positions.begin(), batch.positions.end(), static_cast<std::int32_t>(state.length(sequence)));
    if (all) {
      batch.logit_rows.resize(rows);
      std::iota(batch.logit_rows.begin(), batch.logit_rows.end(), 0);
    } else if (end == count) {
      batch.logit_rows = {static_cast<std::int32_t>(rows - 1)};
    }
    const run::Tensor logits = model.forward(session, batch, state);
    if (logits.empty()) continue;
    const HostTensor part = session.download(logits);
    std::ranges::copy(part.f32(), result.f32().begin() + (all ? begin * vocab_size : 0));
  }
  return result;
}

HostTensor decode(run::Session& session, const model::Model& model, nn::State& state,
                  std::span<const std::int32_t> sequences, std::span<const std::int32_t> ids) {
  FL_CHECK(sequences.size() == ids.size());
  check_ids(ids, model.description().vocab_size);
  if (ids.empty()) return {Format::f32, Shape{0, model.description().vocab_size}};
  session.set_phase(run::Phase::kDecode);
  nn::Batch batch;
  batch.ids.assign(ids.begin(), ids.end());
  batch.sequences.assign(sequences.begin(), sequences.end());
  for (const std::int32_t sequence : sequences) {
    batch.positions.push_back(static_cast<std::int32_t>(state.length(sequence)));
  }
  batch.logit_rows.resize(ids.size());
  std::iota(batch.logit_rows.begin(), batch.logit_rows.end(), 0);
  return session.download(model.forward(session, batch, state));
}

HostTensor logits(run::Session& session, const model::Model& model, std::span<const std::int32_t> ids,
                  std::int64_t chunk) {
  if (ids.empty()) fail(Category::kBadInput, "token ids", "there are none");
  nn::StateOptions options;
  options.max_length = static_cast<std::int64_t>(ids.size());
  const std::unique_ptr<nn::State> state = model.new_state(session, options);
  return prefill(session, model, *state, 0, ids, chunk, true);
}

}  // namespace firstlight::pipeline
