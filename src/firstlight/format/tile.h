// Tile layout: a [R, C] matrix as 32x32 tiles, row-major by tile, the edges padded with zeros.
//
// A tile is four faces of 16x16 in the order top left, top right, bottom left, bottom right, each row-major:
//   element (r, c) of a tile has the index ((r / 16) * 2 + c / 16) * 256 + (r % 16) * 16 + c % 16.
// Its bytes are those of one row of 1024 elements in that order (format.h): elements one after the other, or for block
// formats 64 exponents (one a face row, lowest index in the lowest byte) and then the codes: 1088, 576, 320 bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "firstlight/format/format.h"

namespace firstlight {

inline constexpr int kTileSide = 32;
inline constexpr int kFaceSide = 16;
inline constexpr int kTileElements = kTileSide * kTileSide;

// Index of (row, col), both in [0, 32), within a tile.
constexpr int tile_index(int row, int col) {
  return (row / kFaceSide * 2 + col / kFaceSide) * kFaceSide * kFaceSide + row % kFaceSide * kFaceSide +
         col % kFaceSide;
}

std::int64_t tile_bytes(Format format);
// Bytes of a [rows, cols] matrix in tiles.
std::int64_t tiled_bytes(Format format, std::int64_t rows, std::int64_t cols);

// src [rows, cols], row-major with `row_stride` floats from one row to the next; dst has tiled_bytes() bytes. A band of
// 32 rows is a contiguous part of dst, so bands may be encoded on their own and in parallel.
void encode_tiles(Format format, const float* src, std::int64_t rows, std::int64_t cols, std::int64_t row_stride,
                  std::byte* dst);
// The reverse; the padding is not looked at.
void decode_tiles(Format format, const std::byte* src, std::int64_t rows, std::int64_t cols, std::int64_t row_stride,
                  float* dst);

}  // namespace firstlight
