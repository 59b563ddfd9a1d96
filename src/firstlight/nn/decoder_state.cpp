// Bookkeeping of sequences.
#include "firstlight/nn/decoder_state.h"

#include <utility>

#include "firstlight/base/error.h"

namespace firstlight::nn {
namespace {

constexpr std::int64_t kLongest = std::int64_t{1} << 24;  // positions: rows of tables and pages have i32 indices
constexpr int kMostSequences = 64;

PageTable checked_pages(const StateOptions& options) {
  if (options.max_length > kLongest || options.sequences > kMostSequences) {
    fail(Category::kUsage, "state", "{} sequences of {} positions: at most {} of {}", options.sequences,
         options.max_length, kMostSequences, kLongest);
  }
  if (options.sequences < 1 || options.max_length < 1 || options.page_size < 1 || options.declared_length < 0) {
    fail(Category::kUsage, "state", "{} sequences of {} positions in pages of {}, declared {}: at least one of each",
         options.sequences, options.max_length, options.page_size, options.declared_length);
  }
  return {options.sequences, options.max_length, options.page_size, options.page_seed};
}

}  // namespace

bool Batch::every_row_has_logits() const {
  if (logit_rows.size() != ids.size()) return false;
  for (std::size_t r = 0; r < logit_rows.size(); ++r)
    if (logit_rows[r] != static_cast<std::int32_t>(r)) return false;
  return true;
}

std::vector<KvLayer> kv_layers(const DecoderSpec& spec) {
  const AttentionSpec& attention = spec.attention;
  std::vector<KvLayer> layers;
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    layers.push_back({spec.layer_key(i) + "." + attention.name + ".kv_cache", attention.kv_heads, attention.head_dim,
                      attention.head_dim, spec.layers[i].window});
  }
  return layers;
}

DecoderState::DecoderState(run::Session& session, const DecoderSpec& spec, const StateOptions& options)
    : max_length_(options.max_length),
      most_positions_(spec.positions ? spec.positions->count : 0),
      cache_(session, kv_layers(spec), checked_pages(options)) {
  for (const RopeSpec& rope : spec.ropes) ropes_.emplace_back(session, rope, max_length_);
  sequences_.resize(static_cast<std::size_t>(options.sequences));
  const std::int64_t declared = options.declared_length > 0 ? options.declared_length : max_length_;
  for (int i = 0; i < options.sequences; ++i) declare_length(i, declared);
}

const DecoderState::Sequence& DecoderState::at(int sequence) const {
  FL_CHECK(sequence >= 0 && sequence < sequences());
  return sequences_[static_cast<std::size_t>(sequence)];
}

DecoderState::Sequence& DecoderState::at(int sequence) {
  return const_cast<Sequence&>(std::as_const(*this).at(sequence));
}

void DecoderState::declare_length(int sequence, std::int64_t length) {
  Sequence& changed = at(sequence);
  FL_CHECK(changed.length == 0);
  changed.declared_length = length;
  changed.rope_rows.clear();
  for (RopeTables& rope : ropes_) {
    const run::Tensor before = rope.cos();
    changed.rope_rows.push_back(rope.first_row(length));
    if (rope.cos().owner() != before.owner()) step_.reset();  // a new block of rows moved the tables
  }
}

void DecoderState::trim(int sequence, std::int64_t length) {
  Sequence& changed = at(sequence);
  FL_CHECK(length >= 0 && length <= changed.length);
  changed.length = length;
  cache_.pages().trim(sequence, length);
}

void DecoderState::copy_sequence(int from, int to) {
  FL_CHECK(from != to && at(to).length == 0);
  cache_.pages().trim(to, 0);  // pages reserved by a call that failed
  cache_.copy(from, to, at(from).length);
  at(to) = at(from);
}

std::size_t DecoderState::bytes() const {
  std::size_t total = cache_.bytes();
  for (const RopeTables& rope : ropes_) total += rope.bytes();
  return total;
}

void DecoderState::reserve(int sequence, std::int64_t rows) {
  const std::int64_t needed = at(sequence).length + rows;
  if (needed > max_length_) {
    fail(Category::kUsage, "state",
         "sequence {} would reach {} positions, and this state was made for {}: ask for a longer context (--ctx-size)",
         sequence, needed, max_length_);
  }
  if (most_positions_ > 0 && needed > most_positions_) {
    fail(Category::kUsage, "state", "sequence {} would reach {} positions, and this model has learned {}", sequence,
         needed, most_positions_);
  }
  cache_.pages().grow(sequence, needed);
}

void DecoderState::advance(int sequence, std::int64_t rows) { at(sequence).length += rows; }

}  // namespace firstlight::nn
