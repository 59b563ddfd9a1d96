// The product of the stack's matmul kernel: Dst over blocks of K (in0_block_w tiles each), blocks added up in L1.
#pragma once

#include "firstlight/device/tensix/matrix.h"
#include "firstlight/device/tensix/rows.h"

namespace firstlight::device::tensix {

// What one output tile takes and gives.
struct TileProduct {
  const Core& core;
  Fidelity fidelity;
  bool f32_io;
  std::int64_t k_tiles;
  std::int64_t width;  // tiles of a block
};

// Words of L1 that an output tile needs, besides Dst: partial sums, row-major.
using PartialTile = std::array<std::uint32_t, kTile>;

// The sums of one output tile in Dst, ready for the last pack; in0(k) and in1(k) give the loaded tiles of K.
//
// With more than one block and packer L1 accumulation, each block starts from Dst = 0 and the packer adds it to L1, in
// fp32 under a 32-bit Dst, else in bf16; the total is then unpacked and copied to Dst. Without it, partial sums are
// packed, and copied back to Dst ahead of the next block.
template <typename In0, typename In1>
void multiply_blocks(const TileProduct& product, int rows, const In0& in0, const In1& in1, DstTile& dst,
                     PartialTile& partial) {
  const Accumulator accumulator = dst.accumulator();
  const Format l1 = accumulator == Accumulator::kF32 ? Format::f32 : Format::bf16;
  const Rules& rules = product.core.rules;
  const auto reload = [&] {
    const Source source = source_of(l1, accumulator);
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < kSide; ++c) {
        const std::uint32_t word = to_source(partial[static_cast<std::size_t>(r * kSide + c)], l1, source, rules);
        dst.row(r)[c] = accumulator == Accumulator::kF32
                            ? elwadd_datum(read_datum(word, source, rules), {}, 0, accumulator, rules)
                            : move_datum(word);
      }
    dst.note_written(rows);
  };
  if (product.k_tiles == 0) return dst.clear();
  for (std::int64_t first = 0; first < product.k_tiles; first += product.width) {
    const bool begins = first == 0;
    const bool ends = first + product.width >= product.k_tiles;
    if (begins || product.fidelity.packer_l1)
      dst.clear();
    else
      reload();
    for (std::int64_t k = first; k < std::min(first + product.width, product.k_tiles); ++k)
      dst.multiply(in0(k), in1(k));
    if (begins && ends) return;
    if (ends && !product.fidelity.packer_l1) return;
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < kSide; ++c) {
        std::uint32_t& sum = partial[static_cast<std::size_t>(r * kSide + c)];
        const std::uint32_t value = to_l1(dst.row(r)[c], l1, accumulator, rules);
        if (begins || !product.fidelity.packer_l1)
          sum = value;
        else
          sum = l1 == Format::f32 ? accumulate_f32(sum, value, rules) : accumulate_bf16(sum, value, rules);
      }
  }
  reload();
}

// A tile of in0 from rows of words: up to 32 rows, columns [begin, begin + 32) of rows of n; what lies beyond is
// poison. words(r) gives row r as L1 holds it in `format`.
template <typename Words>
void load_rows(const Core& core, Format format, Accumulator accumulator, int rows, std::int64_t begin, std::int64_t n,
               const Words& words, LoadedB& out) {
  const Source source = source_of(format, accumulator);
  const int columns = static_cast<int>(std::min<std::int64_t>(kSide, n - begin));
  out.words.fill(kPoison);
  for (int r = 0; r < rows; ++r) {
    const std::uint32_t* from = words(r) + begin;
    for (int c = 0; c < columns; ++c)
      out.words[static_cast<std::size_t>(tile_index(r, c))] = to_source(from[c], format, source, core.rules);
  }
  out.load(*core.kernels, source, rows);
}

}  // namespace firstlight::device::tensix
