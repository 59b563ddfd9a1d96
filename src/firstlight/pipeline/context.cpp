// Growing and refilling.
#include "firstlight/pipeline/context.h"

#include <algorithm>

#include "firstlight/base/error.h"

namespace firstlight::pipeline {

Context::Context(run::Session& session, const model::Model& model, const nn::StateOptions& options, std::int64_t chunk)
    : session_(session),
      model_(model),
      options_(options),
      chunk_(chunk),
      state_(model.new_state(session, options)),
      declared_(static_cast<std::size_t>(options.sequences), state_->declared_length(0)),
      ids_(static_cast<std::size_t>(options.sequences)) {}

void Context::declare_length(int sequence, std::int64_t length) {
  FL_CHECK(ids(sequence).empty());
  declared_[static_cast<std::size_t>(sequence)] = length;
  if (length > state_->max_length()) return replace_state(length);
  state_->declare_length(sequence, length);
}

HostTensor Context::feed(int sequence, std::span<const std::int32_t> ids) {
  check_ids(ids, model_.description().vocab_size);
  make_room(sequence, static_cast<std::int64_t>(ids.size()));
  HostTensor logits = prefill(session_, model_, *state_, sequence, ids, chunk_, false);
  std::vector<std::int32_t>& text = ids_[static_cast<std::size_t>(sequence)];
  text.insert(text.end(), ids.begin(), ids.end());
  return logits;
}

HostTensor Context::step(std::span<const std::int32_t> sequences, std::span<const std::int32_t> ids) {
  for (const std::int32_t sequence : sequences) make_room(sequence, 1);
  HostTensor logits = decode(session_, model_, *state_, sequences, ids);
  for (std::size_t i = 0; i < ids.size(); ++i) ids_[static_cast<std::size_t>(sequences[i])].push_back(ids[i]);
  return logits;
}

void Context::trim(int sequence, std::int64_t length) {
  state_->trim(sequence, length);
  ids_[static_cast<std::size_t>(sequence)].resize(static_cast<std::size_t>(length));
}

void Context::make_room(int sequence, std::int64_t rows) {
  const std::int64_t needed = state_->length(sequence) + rows;
  const std::int64_t room = state_->max_length();
  std::int64_t& declared = declared_[static_cast<std::size_t>(sequence)];
  const bool outgrown = needed > declared;
  if (outgrown) declared = std::max(needed, 2 * declared);
  if (needed > room) return replace_state(declared);
  if (outgrown) {
    declared = std::min(declared, room);
    refill(sequence);
  }
}

void Context::refill(int sequence) {
  state_->trim(sequence, 0);
  state_->declare_length(sequence, declared_[static_cast<std::size_t>(sequence)]);
  if (ids(sequence).empty()) return;
  prefill(session_, model_, *state_, sequence, ids(sequence), chunk_, false);
  ++rebuilds_;
}

void Context::replace_state(std::int64_t max_length) {
  state_.reset();  // its memory first
  options_.max_length = max_length;
  state_ = model_.new_state(session_, options_);
  for (int sequence = 0; sequence < options_.sequences; ++sequence) refill(sequence);
}

}  // namespace firstlight::pipeline
