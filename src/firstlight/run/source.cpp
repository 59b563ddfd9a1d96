// Rows of the parts, one after the other, decoded to f32.
#include "firstlight/run/source.h"

#include <algorithm>

#include "firstlight/base/error.h"

namespace firstlight::run {
namespace {

// One element of these formats is a block of its own: an offset in elements is one in bytes.
const std::byte* element(const View& view, std::int64_t index) { return view.data + index * row_bytes(view.format, 1); }

}  // namespace

CheckpointSource::CheckpointSource(const io::Checkpoint& checkpoint, const WeightRequest& request,
                                   std::span<const PlacedPart> parts)
    : transposed_(request.source.transposed) {
  switch (request.kind) {
    case WeightKind::kLinear:
      length_ = request.shape[0];
      break;
    case WeightKind::kTable:
      length_ = request.shape[1];
      break;
    case WeightKind::kVector:
      length_ = 1;
      break;
  }
  for (const PlacedPart& part : parts) parts_.push_back({checkpoint.view(part.name), part.row_begin, part.rows()});
}

void CheckpointSource::read(std::int64_t begin, std::int64_t end, float* dst) const {
  std::vector<float> columns;
  std::int64_t first = 0;  // output that the part begins with
  for (const Part& part : parts_) {
    const std::int64_t from = std::max(begin, first);
    const std::int64_t to = std::min(end, first + part.rows);
    const std::int64_t source_row = part.row_begin + from - first;
    first += part.rows;
    if (from >= to) continue;
    float* out = dst + (from - begin) * length_;
    const FormatRow& format = row(part.view.format);
    if (!transposed_) {  // rows stand one after the other in the tensor, as they do in dst
      format.decode(element(part.view, source_row * length_), (to - from) * length_, out);
      continue;
    }
    const std::int64_t stored = part.view.shape[-1];
    columns.resize(static_cast<std::size_t>(to - from));
    for (std::int64_t k = 0; k < length_; ++k) {
      format.decode(element(part.view, k * stored + source_row), to - from, columns.data());
      for (std::int64_t n = 0; n < to - from; ++n) out[n * length_ + k] = columns[static_cast<std::size_t>(n)];
    }
  }
  FL_CHECK(end <= first);
}

}  // namespace firstlight::run
