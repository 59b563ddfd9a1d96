// Gathers each tile into face order and hands it to the format's row codec.
#include "firstlight/format/tile.h"

#include <algorithm>
#include <cstring>

#include "firstlight/base/error.h"

namespace firstlight {
namespace {

constexpr std::int64_t tiles_along(std::int64_t extent) { return (extent + kTileSide - 1) / kTileSide; }

// Calls visit(index of the tile, first row, first column) in storage order.
template <typename Visit>
void each_tile(std::int64_t rows, std::int64_t cols, const Visit& visit) {
  std::int64_t tile = 0;
  for (std::int64_t row = 0; row < rows; row += kTileSide)
    for (std::int64_t col = 0; col < cols; col += kTileSide) visit(tile++, row, col);
}

// Calls visit(index within the tile, row, column, length) for the part of each face row that lies in the matrix.
template <typename Visit>
void each_face_row(std::int64_t rows, std::int64_t cols, std::int64_t row, std::int64_t col, const Visit& visit) {
  const int tile_rows = static_cast<int>(std::min<std::int64_t>(kTileSide, rows - row));
  const int tile_cols = static_cast<int>(std::min<std::int64_t>(kTileSide, cols - col));
  for (int r = 0; r < tile_rows; ++r)
    for (int c = 0; c < tile_cols; c += kFaceSide)
      visit(tile_index(r, c), row + r, col + c, std::min(kFaceSide, tile_cols - c));
}

void copy_face_row(const float* src, int length, float* dst) {
  if (length == kFaceSide)
    std::memcpy(dst, src, kFaceSide * sizeof(float));  // a constant size becomes a few vector moves
  else
    std::memcpy(dst, src, static_cast<std::size_t>(length) * sizeof(float));
}

void check_extent(std::int64_t rows, std::int64_t cols, std::int64_t row_stride) {
  FL_CHECK(rows >= 0 && cols >= 0 && row_stride >= (rows > 1 ? cols : 0));
}

}  // namespace

std::int64_t tile_bytes(Format format) { return row_bytes(format, kTileElements); }

std::int64_t tiled_bytes(Format format, std::int64_t rows, std::int64_t cols) {
  check_extent(rows, cols, cols);
  return tiles_along(rows) * tiles_along(cols) * tile_bytes(format);
}

void encode_tiles(Format format, const float* src, std::int64_t rows, std::int64_t cols, std::int64_t row_stride,
                  std::byte* dst) {
  check_extent(rows, cols, row_stride);
  const FormatRow& info = row(format);
  const std::int64_t bytes = tile_bytes(format);
  each_tile(rows, cols, [&](std::int64_t tile, std::int64_t tile_row, std::int64_t tile_col) {
    float values[kTileElements] = {};
    each_face_row(rows, cols, tile_row, tile_col, [&](int index, std::int64_t r, std::int64_t c, int length) {
      copy_face_row(src + r * row_stride + c, length, values + index);
    });
    info.encode(values, kTileElements, dst + tile * bytes);
  });
}

void decode_tiles(Format format, const std::byte* src, std::int64_t rows, std::int64_t cols, std::int64_t row_stride,
                  float* dst) {
  check_extent(rows, cols, row_stride);
  const FormatRow& info = row(format);
  const std::int64_t bytes = tile_bytes(format);
  each_tile(rows, cols, [&](std::int64_t tile, std::int64_t tile_row, std::int64_t tile_col) {
    float values[kTileElements];
    info.decode(src + tile * bytes, kTileElements, values);
    each_face_row(rows, cols, tile_row, tile_col, [&](int index, std::int64_t r, std::int64_t c, int length) {
      copy_face_row(values + index, length, dst + r * row_stride + c);
    });
  });
}

}  // namespace firstlight
