// Packing in panels of bounded size: the whole weight is never in memory as f32.
#include "firstlight/device/ref/weights.h"

#include <vector>

#include "firstlight/device/ref/rows.h"

namespace firstlight::device::ref {
namespace {

constexpr std::int64_t kPanelFloats = std::int64_t{1} << 20;  // of a source panel: 4 MiB a worker

// Outputs are read by rows of K and stored along N, so a panel of outputs is turned, then encoded part by part.
void pack_linear(const WeightSpec& spec, const WeightSource& source, std::byte* dst, Executor& executor,
                 const std::function<void(std::int64_t)>& advance) {
  const std::int64_t depth = spec.shape[0];
  const std::int64_t outputs = spec.shape[1];
  const std::int64_t stored_bytes = row_bytes(spec.format, outputs);
  const std::int64_t fitting = kPanelFloats / std::max<std::int64_t>(1, depth) / kPartMultiple * kPartMultiple;
  const std::int64_t panel = std::clamp<std::int64_t>(fitting, kPartMultiple, 16 * kPartMultiple);
  executor.parallel_for(outputs, panel, [&](std::int64_t begin, std::int64_t end, int) {
    const std::int64_t columns = end - begin;
    std::vector<float> rows(static_cast<std::size_t>(columns * depth));
    std::vector<float> part(static_cast<std::size_t>(columns));
    std::vector<std::byte> encoded(static_cast<std::size_t>(columns * kMaxElementBytes) +
                                   kPartMultiple * kMaxElementBytes);
    source.read(begin, end, rows.data());
    for (std::int64_t k = 0; k < depth; ++k) {
      for (std::int64_t n = 0; n < columns; ++n)
        part[static_cast<std::size_t>(n)] = rows[static_cast<std::size_t>(n * depth + k)];
      write_part(spec.format, dst + k * stored_bytes, outputs, begin, columns, part.data(), encoded.data());
    }
    if (advance) advance(columns);
  });
}

// Rows are stored as they are read; a vector is one row, cut anywhere because it is f32.
void pack_rows(const WeightSpec& spec, const WeightSource& source, std::byte* dst, Executor& executor,
               const std::function<void(std::int64_t)>& advance) {
  const bool vector = spec.role == WeightRole::kVector;
  const std::int64_t length = vector ? 1 : spec.shape[1];
  const std::int64_t stored_bytes = row_bytes(spec.format, length);
  const std::int64_t panel = std::max<std::int64_t>(1, kPanelFloats / std::max<std::int64_t>(1, length));
  executor.parallel_for(spec.shape[0], panel, [&](std::int64_t begin, std::int64_t end, int) {
    std::vector<float> rows(static_cast<std::size_t>((end - begin) * length));
    source.read(begin, end, rows.data());
    for (std::int64_t r = begin; r < end; ++r)
      row(spec.format).encode(rows.data() + (r - begin) * length, length, dst + r * stored_bytes);
    if (advance) advance(end - begin);
  });
}

}  // namespace

void pack_weight(const WeightSpec& spec, const WeightSource& source, std::byte* dst, Executor& executor,
                 const std::function<void(std::int64_t)>& advance) {
  if (spec.role == WeightRole::kLinear) return pack_linear(spec, source, dst, executor, advance);
  pack_rows(spec, source, dst, executor, advance);
}

void unpack_weight(const WeightSpec& spec, const std::byte* packed, float* dst) {
  copy_to_f32(make_view(packed, spec.format, spec.shape), dst);
}

}  // namespace firstlight::device::ref
