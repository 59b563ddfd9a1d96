// Tile instructions as the stack's kernels issue them, datum by datum, on tiles in face order. The meaning that the
// vector kernels (matmul.h) are tested against, and what vectors run.
#pragma once

#include <array>
#include <utility>

#include "firstlight/device/tensix/arithmetic/fpu.h"

namespace firstlight::device::tensix {

// A tile in Src.
struct SourceTile {
  TileWords words;
  Source source = Source::kBf16;
};

// Dst += in0 in1 for one tile of K: for each phase, the two 16-wide halves of K (section 4.4).
inline void matmul_tile(const SourceTile& in0, const SourceTile& in1, int phases, Accumulator accumulator,
                        const Rules& rules, TileWords& dst) {
  std::array<Datum, kTileElements> x;
  std::array<Datum, kTileElements> w;
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = read_datum(in0.words[i], in0.source, rules);
    w[i] = read_datum(in1.words[i], in1.source, rules);
  }
  const auto step = [&](const FidelityPhase& phase, int half) {
    for (int row = 0; row < kTileSide; ++row)
      for (int col = 0; col < kTileSide; ++col) {
        std::array<Product, 16> products;
        for (int k = 0; k < 16; ++k) {
          const Datum& left = x[static_cast<std::size_t>(tile_index(row, half * 16 + k))];
          const Datum& right = w[static_cast<std::size_t>(tile_index(half * 16 + k, col))];
          products[static_cast<std::size_t>(k)] = rules.weights_in_a
                                                      ? multiply(right, left, phase, rules.small_products_flush, rules)
                                                      : multiply(left, right, phase, rules.small_products_flush, rules);
        }
        std::uint32_t& out = dst[static_cast<std::size_t>(tile_index(row, col))];
        out = mvmul_datum(products, out, accumulator, rules);
      }
  };
  for (int outer = 0; outer < (rules.phases_outside ? phases : 2); ++outer)
    for (int inner = 0; inner < (rules.phases_outside ? 2 : phases); ++inner)
      step(rules.phases[static_cast<std::size_t>(rules.phases_outside ? outer : inner)],
           rules.phases_outside ? inner : outer);
}

// Which datum of SrcB an element meets.
enum class Broadcast : std::uint8_t { kNone, kColumn0, kRow0, kScalar };

constexpr int broadcast_index(Broadcast broadcast, int row, int col) {
  switch (broadcast) {
    case Broadcast::kNone:
      return tile_index(row, col);
    case Broadcast::kColumn0:
      return tile_index(row, 0);
    case Broadcast::kRow0:
      return tile_index(0, col);
    case Broadcast::kScalar:
      return 0;
  }
  return 0;
}

// body(datum of in0, datum of in1 after the broadcast, Dst) for every element.
template <typename Body>
void for_pairs(const SourceTile& in0, const SourceTile& in1, Broadcast broadcast, const Rules& rules, TileWords& dst,
               const Body& body) {
  for (int row = 0; row < kTileSide; ++row)
    for (int col = 0; col < kTileSide; ++col) {
      const auto i = static_cast<std::size_t>(tile_index(row, col));
      const auto j = static_cast<std::size_t>(broadcast_index(broadcast, row, col));
      body(read_datum(in0.words[i], in0.source, rules), read_datum(in1.words[j], in1.source, rules), dst[i]);
    }
}

// Dst += in0 * in1.
inline void elwmul_tile(const SourceTile& in0, const SourceTile& in1, Broadcast broadcast, int phases,
                        Accumulator accumulator, const Rules& rules, TileWords& dst) {
  for_pairs(in0, in1, broadcast, rules, dst, [&](const Datum& a, const Datum& b, std::uint32_t& out) {
    out = elwmul_datum(a, b, phases, out, accumulator, rules);
  });
}

// Dst = (accumulating ? Dst : 0) + in0 +- in1.
inline void elwadd_tile(const SourceTile& in0, const SourceTile& in1, Broadcast broadcast, bool subtract,
                        bool accumulating, Accumulator accumulator, const Rules& rules, TileWords& dst) {
  for_pairs(in0, in1, broadcast, rules, dst, [&](const Datum& a, Datum b, std::uint32_t& out) {
    b.sign = b.sign != subtract;
    out = elwadd_datum(a, b, accumulating ? out : 0U, accumulator, rules);
  });
}

}  // namespace firstlight::device::tensix
