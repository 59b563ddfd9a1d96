// Checks and uploads of a batch.
#include "firstlight/nn/batch_tensors.h"

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/nn/decoder_state.h"

namespace firstlight::nn {
namespace {

// Rows of each sequence of the batch.
std::vector<std::int64_t> count_rows(const Batch& batch, const DecoderState& state) {
  FL_CHECK(batch.sequences.size() == batch.ids.size() && batch.positions.size() == batch.ids.size());
  std::vector<std::int64_t> rows(static_cast<std::size_t>(state.sequences()));
  for (std::size_t r = 0; r < batch.ids.size(); ++r) {
    const std::int32_t sequence = batch.sequences[r];
    FL_CHECK(sequence >= 0 && sequence < state.sequences());
    std::int64_t& count = rows[static_cast<std::size_t>(sequence)];
    FL_CHECK(batch.positions[r] == state.length(sequence) + count);
    ++count;
  }
  for (const std::int32_t row : batch.logit_rows) FL_CHECK(row >= 0 && row < batch.rows());
  return rows;
}

// Pages for the rows to come.
void reserve_rows(const Batch& batch, DecoderState& state) {
  const std::vector<std::int64_t> rows = count_rows(batch, state);
  for (int sequence = 0; sequence < state.sequences(); ++sequence)
    if (rows[static_cast<std::size_t>(sequence)] > 0) state.reserve(sequence, rows[static_cast<std::size_t>(sequence)]);
}

// Where each row's position stands in the tables of a rope.
std::vector<std::int32_t> rope_rows(const Batch& batch, const DecoderState& state, int rope) {
  std::vector<std::int32_t> rows = batch.positions;
  for (std::size_t r = 0; r < rows.size(); ++r)
    rows[r] += static_cast<std::int32_t>(state.rope_row(rope, batch.sequences[r]));
  return rows;
}

run::Tensor upload(run::Session& session, const std::vector<std::int32_t>& values) {
  return session.upload(HostTensor::from(values, Shape{static_cast<std::int64_t>(values.size())}));
}

}  // namespace

std::int64_t BatchTensors::attended(std::int64_t window) const {
  std::int64_t sum = 0;
  for (const std::int64_t position : host_positions) sum += window > 0 ? std::min(position + 1, window) : position + 1;
  return sum;
}

BatchTensors make_batch_tensors(run::Session& session, const Batch& batch, DecoderState& state) {
  reserve_rows(batch, state);
  BatchTensors tensors;
  tensors.ids = upload(session, batch.ids);
  tensors.sequences = upload(session, batch.sequences);
  tensors.positions = upload(session, batch.positions);
  tensors.table = state.cache().table();
  tensors.host_positions = batch.positions;
  for (const std::int32_t position : batch.positions)
    tensors.max_context = std::max<std::int64_t>(tensors.max_context, position + 1);
  for (int rope = 0; rope < state.ropes(); ++rope) {
    const std::vector<std::int32_t> rows = rope_rows(batch, state, rope);
    tensors.rope_positions.push_back(rows == batch.positions ? tensors.positions : upload(session, rows));
  }
  return tensors;
}

BatchTensors make_lasting_batch_tensors(run::Session& session, const Batch& batch, DecoderState& state) {
  BatchTensors tensors = make_batch_tensors(session, batch, state);
  for (int rope = 0; rope < state.ropes(); ++rope)
    tensors.rope_positions[static_cast<std::size_t>(rope)] = upload(session, rope_rows(batch, state, rope));
  const PageTable& pages = state.cache().pages();
  tensors.max_context = pages.pages_per_sequence() * pages.page_size();
  return tensors;
}

void update_batch_tensors(run::Session& session, const Batch& batch, DecoderState& state, BatchTensors& tensors) {
  FL_CHECK(batch.rows() == tensors.rows());
  reserve_rows(batch, state);
  const auto overwrite = [&](const run::Tensor& tensor, const std::vector<std::int32_t>& values) {
    session.upload(HostTensor::from(values, Shape{batch.rows()}), tensor);
  };
  overwrite(tensors.ids, batch.ids);
  overwrite(tensors.sequences, batch.sequences);
  overwrite(tensors.positions, batch.positions);
  for (int rope = 0; rope < state.ropes(); ++rope)
    overwrite(tensors.rope_positions[static_cast<std::size_t>(rope)], rope_rows(batch, state, rope));
  state.cache().table();  // overwritten in place
  tensors.host_positions = batch.positions;
}

void advance(const Batch& batch, DecoderState& state) {
  for (const std::int32_t sequence : batch.sequences) state.advance(sequence, 1);
}

}  // namespace firstlight::nn
