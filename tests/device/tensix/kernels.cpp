// The vector kernels against the datum by datum meaning: every table, format, phase count, Dst and chip, to the bit.
#include "firstlight/device/tensix/kernels/kernels.h"

#include <cstring>
#include <memory>

#include "device/tensix/tables.h"
#include "firstlight/base/rng.h"
#include "firstlight/device/tensix/arithmetic/tile_ops.h"
#include "testing/testing.h"

namespace firstlight::device::tensix {
namespace {

struct TileFormat {
  Format format;
  TileCode code;
  bool tf32;
};
constexpr TileFormat kTileFormats[] = {
    {Format::bf16, TileCode::kBf16, false}, {Format::f32, TileCode::kF32, true},
    {Format::f32, TileCode::kF32, false},   {Format::bfp8, TileCode::kBfp8, false},
    {Format::bfp4, TileCode::kBfp4, false}, {Format::bfp2, TileCode::kBfp2, false},
};

enum class Draw { kNormal, kWide, kSparse, kTiny, kRaw, kCount };

std::vector<std::byte> draw_tile(Format format, Draw draw, Rng& rng) {
  std::vector<std::byte> tile(static_cast<std::size_t>(tile_bytes(format)));
  if (draw == Draw::kRaw) {
    for (std::byte& byte : tile) byte = static_cast<std::byte>(rng.next_u32());
    return tile;
  }
  std::vector<float> values(kTileElements);
  for (float& value : values) {
    value = rng.normal();
    if (draw == Draw::kWide) value = std::ldexp(value, static_cast<int>(rng.below(40)) - 20);
    if (draw == Draw::kSparse && rng.below(4) != 0) value = 0;
    if (draw == Draw::kTiny) value = std::ldexp(value, -static_cast<int>(rng.below(20)) - 55);
  }
  encode_tiles(format, values.data(), kTileSide, kTileSide, kTileSide, tile.data());
  return tile;
}

const std::uint8_t* bytes(const std::vector<std::byte>& tile) {
  return reinterpret_cast<const std::uint8_t*>(tile.data());
}

class TensixKernels : public ::testing::TestWithParam<const Kernels*> {};

TEST_P(TensixKernels, MultiplyLikeTheDatumByDatumPath) {
  const Kernels& kernels = *GetParam();
  Rng rng(11);
  const auto a = std::make_unique<SlicesA>();
  const auto b = std::make_unique<SlicesB>();
  int compared = 0;
  for (const TileFormat& left : kTileFormats)
    for (const TileFormat& right : kTileFormats)
      for (int d = 0; d < static_cast<int>(Draw::kCount); ++d) {
        const int phases = 1 + static_cast<int>(rng.below(4));
        const bool wide = rng.below(2) == 0;
        const Rules& rules = rng.below(2) == 0 ? kWormhole : kBlackhole;
        const int rows = rng.below(3) == 0 ? 1 + static_cast<int>(rng.below(32)) : kSide;
        const auto accumulator = wide ? Accumulator::kF32 : Accumulator::kBf16;
        const auto in0 = draw_tile(left.format, static_cast<Draw>(d), rng);
        const auto in1 = draw_tile(right.format, static_cast<Draw>(d), rng);
        const int largest_b = kernels.load_b(left.code, bytes(in0), left.tf32, kSide, b.get());
        const int largest_a = kernels.load_a(right.code, bytes(in1), right.tf32, a.get());

        SourceTile x{.words = {}, .source = left.tf32 ? Source::kTf32 : Source::kBf16};
        SourceTile w{.words = {}, .source = right.tf32 ? Source::kTf32 : Source::kBf16};
        unpack_tile(left.format, in0, x.source, rules, x.words);
        unpack_tile(right.format, in1, w.source, rules, w.words);
        int largest_x = 0;
        int largest_w = 0;
        for (const std::uint32_t word : x.words) largest_x = std::max(largest_x, exponent_of(word));
        for (const std::uint32_t word : w.words) largest_w = std::max(largest_w, exponent_of(word));
        ASSERT_EQ(largest_b, largest_x);
        ASSERT_EQ(largest_a, largest_w);
        if (largest_a + largest_b - kBias > kLargestProduct || std::max(largest_a, largest_b) > kLargestOperand)
          continue;

        TileWords dst{};
        for (std::uint32_t& word : dst)
          if (rng.below(3) != 0)
            word = std::bit_cast<std::uint32_t>(std::ldexp(rng.normal(), static_cast<int>(rng.below(24)) - 12)) &
                   (wide ? 0xFFFFFFFFU : 0xFFFF0000U);
        alignas(64) std::array<std::uint32_t, kTile> got;
        for (int r = 0; r < kSide; ++r)
          for (int c = 0; c < kSide; ++c)
            got[static_cast<std::size_t>(r * kSide + c)] = dst[static_cast<std::size_t>(tile_index(r, c))];
        matmul_tile(x, w, phases, accumulator, rules, dst);
        kernels.multiply({b.get(), a.get(), rows, phases, wide, rules.lost_ulp, got.data()});
        for (int r = 0; r < rows; ++r)
          for (int c = 0; c < kSide; ++c)
            ASSERT_EQ(got[static_cast<std::size_t>(r * kSide + c)], dst[static_cast<std::size_t>(tile_index(r, c))])
                << format_name(left.format) << " x " << format_name(right.format) << ", draw " << d << ", phases "
                << phases << ", wide " << wide << ", " << rules.chip << ", row " << r << ", column " << c;
        ++compared;
      }
  EXPECT_GT(compared, 140);
}

INSTANTIATE_TEST_SUITE_P(Tables, TensixKernels, ::testing::ValuesIn(tables()),
                         [](const auto& info) { return table_name(*info.param); });

}  // namespace
}  // namespace firstlight::device::tensix
