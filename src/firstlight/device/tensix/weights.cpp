// Tile columns are packed in parallel, each from 32 outputs of the source.
#include "firstlight/device/tensix/weights.h"

#include <algorithm>
#include <vector>

#include "firstlight/base/error.h"
#include "firstlight/device/host.h"
#include "firstlight/format/tile.h"

namespace firstlight::device::tensix {
namespace {

void pack_linear(const WeightSpec& spec, const WeightSource& source, std::byte* dst, Executor& executor,
                 const std::function<void(std::int64_t)>& advance) {
  const std::int64_t depth = spec.shape[0];
  const std::int64_t outputs = spec.shape[1];
  const std::int64_t column_bytes = tiled_bytes(spec.format, depth, kTileSide);
  executor.parallel_for(ceil_div(outputs, kTileSide), 1, [&](std::int64_t begin, std::int64_t end, int) {
    std::vector<float> rows(static_cast<std::size_t>(kTileSide * depth));
    std::vector<float> panel(static_cast<std::size_t>(kTileSide * depth));
    for (std::int64_t tile = begin; tile < end; ++tile) {
      const std::int64_t first = tile * kTileSide;
      const std::int64_t columns = std::min<std::int64_t>(kTileSide, outputs - first);
      source.read(first, first + columns, rows.data());
      for (std::int64_t k = 0; k < depth; ++k)
        for (std::int64_t n = 0; n < columns; ++n)
          panel[static_cast<std::size_t>(k * columns + n)] = rows[static_cast<std::size_t>(n * depth + k)];
      encode_tiles(spec.format, panel.data(), depth, columns, columns, dst + tile * column_bytes);
      if (advance) advance(columns);
    }
  });
}

void unpack_linear(const WeightSpec& spec, const std::byte* packed, float* dst) {
  const std::int64_t depth = spec.shape[0];
  const std::int64_t outputs = spec.shape[1];
  const std::int64_t column_bytes = tiled_bytes(spec.format, depth, kTileSide);
  for (std::int64_t first = 0; first < outputs; first += kTileSide)
    decode_tiles(spec.format, packed + first / kTileSide * column_bytes, depth,
                 std::min<std::int64_t>(kTileSide, outputs - first), outputs, dst + first);
}

}  // namespace

std::size_t weight_bytes(const WeightSpec& spec) {
  if (spec.role != WeightRole::kLinear) return row_layout_bytes(spec.shape, spec.format);
  const Shape padded{round_up(spec.shape[0], kTileSide), round_up(spec.shape[1], kTileSide)};
  row_layout_bytes(padded, Format::f64);  // refuses shapes whose bytes cannot be counted
  return static_cast<std::size_t>(tiled_bytes(spec.format, padded[0], padded[1]));
}

void pack_weight(const WeightSpec& spec, const WeightSource& source, std::byte* dst, Executor& executor,
                 const std::function<void(std::int64_t)>& advance) {
  if (spec.role == WeightRole::kLinear) return pack_linear(spec, source, dst, executor, advance);
  const std::int64_t length = spec.role == WeightRole::kVector ? 1 : spec.shape[1];
  const std::int64_t stored_bytes = row_bytes(spec.format, length);
  executor.parallel_for(spec.shape[0], 64, [&](std::int64_t begin, std::int64_t end, int) {
    std::vector<float> rows(static_cast<std::size_t>((end - begin) * length));
    source.read(begin, end, rows.data());
    for (std::int64_t r = begin; r < end; ++r)
      row(spec.format).encode(rows.data() + (r - begin) * length, length, dst + r * stored_bytes);
    if (advance) advance(end - begin);
  });
}

void unpack_weight(const WeightSpec& spec, const std::byte* packed, float* dst) {
  if (spec.role == WeightRole::kLinear) return unpack_linear(spec, packed, dst);
  copy_to_f32(make_view(packed, spec.format, spec.shape), dst);
}

}  // namespace firstlight::device::tensix
