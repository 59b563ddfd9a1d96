// Checks and uploads of a batch.
#include "firstlight/nn/batch_tensors.h"

#include <algorithm>

#include "firstlight/base/error.h"

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

}  // namespace

std::int64_t BatchTensors::attended(std::int64_t window) const {
  std::int64_t sum = 0;
  for (const std::int64_t position : host_positions) sum += window > 0 ? std::min(position + 1, window) : position + 1;
  return sum;
}

BatchTensors make_batch_tensors(run::Session& session, const Batch& batch, DecoderState& state) {
  const std::vector<std::int64_t> rows = count_rows(batch, state);
  for (int sequence = 0; sequence < state.sequences(); ++sequence) {
    if (rows[static_cast<std::size_t>(sequence)] > 0) state.reserve(sequence, rows[static_cast<std::size_t>(sequence)]);
  }
  const Shape shape{batch.rows()};
  const auto upload = [&](const std::vector<std::int32_t>& values) {
    return session.upload(HostTensor::from(values, shape));
  };
  BatchTensors tensors;
  tensors.ids = upload(batch.ids);
  tensors.sequences = upload(batch.sequences);
  tensors.positions = upload(batch.positions);
  tensors.table = state.cache().table();
  tensors.host_positions = batch.positions;
  for (const std::int32_t position : batch.positions) {
    tensors.max_context = std::max<std::int64_t>(tensors.max_context, position + 1);
  }
  for (int rope = 0; rope < state.ropes(); ++rope) {
    std::vector<std::int32_t> table_rows = batch.positions;
    for (std::size_t r = 0; r < table_rows.size(); ++r) {
      table_rows[r] += static_cast<std::int32_t>(state.rope_row(rope, batch.sequences[r]));
    }
    tensors.rope_positions.push_back(table_rows == batch.positions ? tensors.positions : upload(table_rows));
  }
  return tensors;
}

void advance(const Batch& batch, DecoderState& state) {
  for (const std::int32_t sequence : batch.sequences) state.advance(sequence, 1);
}

}  // namespace firstlight::nn
