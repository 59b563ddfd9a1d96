// tensix_speed [THREADS]: multiply-accumulates x fidelity phases a second of the exact matrix kernels, and tiles
// loaded.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <vector>

#include "firstlight/base/rng.h"
#include "firstlight/base/threads.h"
#include "firstlight/device/tensix/isa.h"
#include "firstlight/format/tile.h"

namespace {

using namespace firstlight;
using namespace firstlight::device::tensix;
using Clock = std::chrono::steady_clock;

constexpr double kSeconds = 0.3;  // of each of five repeats; the best is shown

struct Operands {
  SlicesA a;
  SlicesB b;
  alignas(64) std::uint32_t dst[kTile];
};

std::vector<std::byte> draw(Format format) {
  Rng rng(3);
  std::vector<float> values(kTileElements);
  for (float& value : values) value = rng.normal();
  std::vector<std::byte> tile(static_cast<std::size_t>(tile_bytes(format)));
  encode_tiles(format, values.data(), kTileSide, kTileSide, kTileSide, tile.data());
  return tile;
}

// Calls of `body` a second, all threads together.
template <typename Body>
double rate(Executor& executor, const Body& body) {
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    std::vector<std::int64_t> calls(static_cast<std::size_t>(executor.threads()));
    const auto start = Clock::now();
    const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
    executor.parallel_for(executor.threads(), 1, [&](std::int64_t begin, std::int64_t, int) {
      std::int64_t count = 0;
      while (elapsed() < kSeconds)
        for (int i = 0; i < 32; ++i, ++count) body(begin);
      calls[static_cast<std::size_t>(begin)] = count;
    });
    double sum = 0;
    for (const std::int64_t count : calls) sum += static_cast<double>(count);
    best = std::max(best, sum / elapsed());
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  const Kernels& kernels = choose_kernels("");
  Executor executor(argc > 1 ? std::atoi(argv[1]) : available_cores());
  const auto bfp8 = draw(Format::bfp8);
  const auto bf16 = draw(Format::bf16);
  const auto* weights = reinterpret_cast<const std::uint8_t*>(bfp8.data());
  std::vector<std::unique_ptr<Operands>> operands;
  for (int i = 0; i < executor.threads(); ++i) {
    operands.push_back(std::make_unique<Operands>());
    kernels.load_a(TileCode::kBfp8, weights, false, &operands.back()->a);
    kernels.load_b(TileCode::kBf16, reinterpret_cast<const std::uint8_t*>(bf16.data()), false, kSide,
                   &operands.back()->b);
  }
  fmt::print("{}, {} threads, bf16 x bfp8\n", kernels.isa, executor.threads());
  for (const bool wide : {false, true})
    for (const int phases : {1, 2, 3, 4}) {
      const double tiles = rate(executor, [&](std::int64_t i) {
        Operands& own = *operands[static_cast<std::size_t>(i)];
        kernels.multiply({&own.b, &own.a, kSide, phases, wide, true, own.dst});
      });
      fmt::print("{} Dst, {} phases: {:.1f}e9 MAC phases/s\n", wide ? "fp32" : "bf16", phases,
                 tiles * kSide * kSide * kSide * phases / 1e9);
    }
  fmt::print("weight tiles loaded: {:.2f}e6 a second\n", rate(executor, [&](std::int64_t i) {
                                                           kernels.load_a(TileCode::kBfp8, weights, false,
                                                                          &operands[static_cast<std::size_t>(i)]->a);
                                                         }) / 1e6);
  return 0;
}
