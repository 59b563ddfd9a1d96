// tensix_errors: RMS(error) / RMS(result) of matrix products by format, Dst and fidelity, as a table.
//
// Distribution: Student's t with 4 degrees of freedom (heavy-tailed: a normal over the root of a mean of four squared
// normals), both operands, [32, 512] x [512, 32], packed by the host's rule. The error is Dst against the product in
// double of the values that the formats hold. 16 output tiles a number.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "firstlight/base/rng.h"
#include "firstlight/device/tensix/arithmetic/tile_ops.h"
#include "firstlight/device/tensix/isa.h"

namespace {

using namespace firstlight;
using namespace firstlight::device::tensix;

constexpr int kTilesOfK = 16;
constexpr int kOutputs = 16;

struct Line {
  const char* name;
  Format in0, in1;
  TileCode code0, code1;
  bool wide;
};
constexpr Line kLines[] = {
    {"bf16 x bf16, bf16 Dst", Format::bf16, Format::bf16, TileCode::kBf16, TileCode::kBf16, false},
    {"bf16 x bf16, fp32 Dst", Format::bf16, Format::bf16, TileCode::kBf16, TileCode::kBf16, true},
    {"bfp8 x bfp8, fp32 Dst", Format::bfp8, Format::bfp8, TileCode::kBfp8, TileCode::kBfp8, true},
    {"bf16 x bfp4, fp32 Dst", Format::bf16, Format::bfp4, TileCode::kBf16, TileCode::kBfp4, true},
    {"bf16 x bfp8, fp32 Dst", Format::bf16, Format::bfp8, TileCode::kBf16, TileCode::kBfp8, true},
};

float student_t4(Rng& rng) {
  const float value = rng.normal();
  float squares = 0;
  for (int i = 0; i < 4; ++i) {
    const float x = rng.normal();
    squares += x * x;
  }
  return value / std::sqrt(squares / 4);
}

std::vector<std::byte> draw(Format format, Rng& rng) {
  std::vector<float> values(kTileElements);
  for (float& value : values) value = student_t4(rng);
  std::vector<std::byte> tile(static_cast<std::size_t>(tile_bytes(format)));
  encode_tiles(format, values.data(), kTileSide, kTileSide, kTileSide, tile.data());
  return tile;
}

std::vector<float> values_of(Format format, const std::vector<std::byte>& tile) {
  std::vector<float> values(kTileElements);
  decode_tiles(format, tile.data(), kTileSide, kTileSide, kTileSide, values.data());
  return values;
}

const std::uint8_t* bytes(const std::vector<std::byte>& tile) {
  return reinterpret_cast<const std::uint8_t*>(tile.data());
}

std::array<double, 4> measure(const Line& line, const Rules& rules, const Kernels& kernels) {
  std::array<double, 4> errors{};
  double results = 0;
  Rng rng(1);
  const auto a = std::make_unique<SlicesA>();
  const auto b = std::make_unique<SlicesB>();
  for (int output = 0; output < kOutputs; ++output) {
    std::vector<double> exact(kTileElements);
    alignas(64) std::array<std::array<std::uint32_t, kTile>, 4> dst{};
    for (int k = 0; k < kTilesOfK; ++k) {
      const auto in0 = draw(line.in0, rng);
      const auto in1 = draw(line.in1, rng);
      const auto x = values_of(line.in0, in0);
      const auto w = values_of(line.in1, in1);
      for (int r = 0; r < kSide; ++r)
        for (int i = 0; i < kSide; ++i)
          for (int c = 0; c < kSide; ++c)
            exact[static_cast<std::size_t>(r * kSide + c)] +=
                static_cast<double>(x[static_cast<std::size_t>(r * kSide + i)]) *
                static_cast<double>(w[static_cast<std::size_t>(i * kSide + c)]);
      kernels.load_b(line.code0, bytes(in0), false, kSide, b.get());
      kernels.load_a(line.code1, bytes(in1), false, a.get());
      for (int phases = 1; phases <= 4; ++phases)
        kernels.multiply({b.get(), a.get(), kSide, phases, line.wide, rules.lost_ulp,
                          dst[static_cast<std::size_t>(phases - 1)].data()});
    }
    for (std::size_t i = 0; i < exact.size(); ++i) {
      results += exact[i] * exact[i];
      for (std::size_t p = 0; p < 4; ++p) {
        const double error = static_cast<double>(std::bit_cast<float>(dst[p][i])) - exact[i];
        errors[p] += error * error;
      }
    }
  }
  for (double& error : errors) error = std::sqrt(error / results);
  return errors;
}

}  // namespace

int main() {
  const Kernels& kernels = choose_kernels("");
  for (const Rules& rules : {kWormhole, kBlackhole}) {
    fmt::print("| {} | LoFi | HiFi2 | HiFi3 | HiFi4 |\n| --- | --- | --- | --- | --- |\n", rules.arch);
    for (const Line& line : kLines) {
      const auto errors = measure(line, rules, kernels);
      fmt::print("| {} | {:.1e} | {:.1e} | {:.1e} | {:.1e} |\n", line.name, errors[0], errors[1], errors[2], errors[3]);
    }
  }
  return 0;
}
