// Tile layout: places of elements, padding, strides, and agreement with the row codecs.
#include "firstlight/format/tile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

#include "firstlight/base/rng.h"
#include "testing/testing.h"

namespace firstlight {
namespace {

std::vector<float> random_matrix(std::int64_t rows, std::int64_t stride, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> x(static_cast<std::size_t>(rows * stride));
  for (float& value : x) value = rng.normal();
  return x;
}

TEST(Tile, IndexWalksFacesInOrder) {
  EXPECT_EQ(tile_index(0, 0), 0);
  EXPECT_EQ(tile_index(0, 15), 15);
  EXPECT_EQ(tile_index(1, 0), 16);
  EXPECT_EQ(tile_index(0, 16), 256);  // top right face
  EXPECT_EQ(tile_index(16, 0), 512);  // bottom left face
  EXPECT_EQ(tile_index(17, 18), 768 + 16 + 2);
  std::set<int> seen;
  for (int r = 0; r < kTileSide; ++r)
    for (int c = 0; c < kTileSide; ++c) seen.insert(tile_index(r, c));
  EXPECT_EQ(seen.size(), 1024u);
  EXPECT_EQ(*seen.rbegin(), 1023);
}

TEST(Tile, HasThePublishedSizes) {
  EXPECT_EQ(tile_bytes(Format::f32), 4096);
  EXPECT_EQ(tile_bytes(Format::bf16), 2048);
  EXPECT_EQ(tile_bytes(Format::f16), 2048);
  EXPECT_EQ(tile_bytes(Format::bfp8), 1088);
  EXPECT_EQ(tile_bytes(Format::bfp4), 576);
  EXPECT_EQ(tile_bytes(Format::bfp2), 320);
  EXPECT_EQ(tiled_bytes(Format::bfp8, 33, 64), 4 * 1088);
  EXPECT_EQ(tiled_bytes(Format::bfp8, 0, 64), 0);
  EXPECT_EQ(tiled_bytes(Format::bfp8, 1, 1), 1088);
}

// Element (r, c) of tile t lies where the header says, and the padding is zero.
TEST(Tile, PlacesEveryElement) {
  const std::int64_t rows = 40, cols = 70, tiles_across = 3;
  std::vector<float> x(rows * cols);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i + 1);
  std::vector<std::byte> bytes(static_cast<std::size_t>(tiled_bytes(Format::f32, rows, cols)));
  encode_tiles(Format::f32, x.data(), rows, cols, cols, bytes.data());
  std::vector<float> placed(bytes.size() / sizeof(float));
  std::memcpy(placed.data(), bytes.data(), bytes.size());
  for (int r = 0; r < 64; ++r)
    for (int c = 0; c < 96; ++c) {
      const std::int64_t tile = r / 32 * tiles_across + c / 32;
      const float expected = r < rows && c < cols ? static_cast<float>(r * cols + c + 1) : 0.0f;
      ASSERT_EQ(placed[static_cast<std::size_t>(tile * 1024 + tile_index(r % 32, c % 32))], expected) << r << "," << c;
    }
}

// One face row of a block format: its exponent at index / 16, its code in the section after the 64 exponents.
TEST(Tile, PutsExponentsFirst) {
  std::vector<float> x(32 * 32, 0.0f);
  x[17 * 32 + 18] = -1.0f;  // bottom right face, row 1, column 2: index 786, exponent 49
  std::vector<std::byte> bytes(1088);
  encode_tiles(Format::bfp8, x.data(), 32, 32, 32, bytes.data());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int expected = i == 49 ? 127 : i == 64 + 786 ? 0xC0 : 0;
    ASSERT_EQ(static_cast<int>(bytes[i]), expected) << i;
  }
}

TEST(Tile, ComesBackAsTheRowCodecRoundsIt) {
  const std::pair<std::int64_t, std::int64_t> shapes[] = {{1, 1}, {1, 33}, {31, 16}, {32, 32}, {33, 48}, {70, 95}};
  for (const FormatRow& info : formats()) {
    for (const auto& [rows, cols] : shapes) {
      const std::int64_t src_stride = cols + 3, dst_stride = cols + 5;
      const std::vector<float> x = random_matrix(rows, src_stride, 3);
      std::vector<std::byte> bytes(static_cast<std::size_t>(tiled_bytes(info.id, rows, cols)), std::byte{0xAA});
      encode_tiles(info.id, x.data(), rows, cols, src_stride, bytes.data());
      std::vector<float> back(static_cast<std::size_t>(rows * dst_stride), -77.0f);
      decode_tiles(info.id, bytes.data(), rows, cols, dst_stride, back.data());
      for (std::int64_t r = 0; r < rows; ++r) {
        // Rows begin a block in both layouts, so a row of the tiles rounds like the row itself.
        std::vector<float> expected(static_cast<std::size_t>(cols));
        round_row(info.id, x.data() + r * src_stride, cols, expected.data());
        for (std::int64_t c = 0; c < dst_stride; ++c)
          ASSERT_EQ(back[static_cast<std::size_t>(r * dst_stride + c)],
                    c < cols ? expected[static_cast<std::size_t>(c)] : -77.0f)
              << info.name << " [" << rows << ", " << cols << "] at " << r << ", " << c;
      }
    }
  }
}

TEST(Tile, BandsOf32RowsAreIndependent) {
  const std::int64_t rows = 80, cols = 50;
  const std::vector<float> x = random_matrix(rows, cols, 4);
  std::vector<std::byte> whole(static_cast<std::size_t>(tiled_bytes(Format::bfp4, rows, cols)));
  std::vector<std::byte> bands(whole.size());
  encode_tiles(Format::bfp4, x.data(), rows, cols, cols, whole.data());
  for (std::int64_t begin = 0; begin < rows; begin += kTileSide)
    encode_tiles(Format::bfp4, x.data() + begin * cols, std::min<std::int64_t>(kTileSide, rows - begin), cols, cols,
                 bands.data() + tiled_bytes(Format::bfp4, begin, cols));
  EXPECT_EQ(whole, bands);
}

TEST(Tile, RefusesRowsThatOverlap) {
  std::vector<float> x(64);
  std::vector<std::byte> bytes(4096);
  EXPECT_EQ(testing::expect_error([&] { encode_tiles(Format::f32, x.data(), 2, 32, 31, bytes.data()); }).category(),
            Category::kInternal);
  EXPECT_EQ(testing::expect_error([] { tiled_bytes(Format::f32, -1, 4); }).category(), Category::kInternal);
}

}  // namespace
}  // namespace firstlight
