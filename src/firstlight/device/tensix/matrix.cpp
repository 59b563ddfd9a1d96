// Chooses the kernel for each tile product.
#include "firstlight/device/tensix/matrix.h"

#include <algorithm>
#include <cmath>

namespace firstlight::device::tensix {
namespace {

constexpr double kLargestDst = 0x1p70;  // exponents up to 197: far from the range's end after any further step

TileCode code_of(Format format) {
  switch (format) {
    case Format::f32:
      return TileCode::kF32;
    case Format::bf16:
      return TileCode::kBf16;
    case Format::bfp8:
      return TileCode::kBfp8;
    case Format::bfp4:
      return TileCode::kBfp4;
    default:
      return TileCode::kBfp2;
  }
}

const std::uint8_t* bytes_of(const std::byte* bytes) { return reinterpret_cast<const std::uint8_t*>(bytes); }

}  // namespace

void LoadedA::load(const Kernels& kernels, Format tile_format, const std::byte* bytes, Source as) {
  tile = bytes;
  format = tile_format;
  source = as;
  largest = kernels.load_a(code_of(format), bytes_of(bytes), source == Source::kTf32, &slices);
}

// The words are bf16 or tf32 already, so that reading them as tf32 keeps them.
void LoadedB::load(const Kernels& kernels, Source as, int valid_rows) {
  source = as;
  rows = valid_rows;
  largest =
      kernels.load_b(TileCode::kF32, reinterpret_cast<const std::uint8_t*>(words.data()), true, valid_rows, &slices);
}

void DstTile::clear() {
  std::fill_n(words_, kTile, 0U);
  magnitude_ = 0;
}

void DstTile::note_written(int rows) {
  int largest = 0;
  for (int i = 0; i < rows * kSide; ++i) {
    largest = std::max(largest, exponent_of(words_[i]));
    if (is_zero(words_[i])) words_[i] = 0;  // as the adder reads it
  }
  magnitude_ = std::ldexp(2.0, largest - kBias);
}

void DstTile::multiply(const LoadedB& in0, const LoadedA& in1) {
  if (core_.fast) return multiply_fast(in0, in1);
  if (magnitude_ > kLargestDst) note_written(in0.rows);  // the bound grows faster than the data
  const int product = in0.largest + in1.largest - kBias;
  const bool inside = product <= kLargestProduct && std::max(in0.largest, in1.largest) <= kLargestOperand &&
                      magnitude_ <= kLargestDst && core_.rules.group == 8;
  if (!inside) return multiply_by_datum(in0, in1);
  if (in0.largest == 0 || in1.largest == 0) return;  // zeros leave Dst as it is
  core_.kernels->multiply(
      {&in0.slices, &in1.slices, in0.rows, phases_, accumulator_ == Accumulator::kF32, core_.rules.lost_ulp, words_});
  // 32 products in each phase, each below 2^(e + 2), and roundings; the lost ulp comes out up to 2^4 above all of them.
  magnitude_ = (core_.rules.lost_ulp ? 16 : 1) * (1.01 * magnitude_ + std::ldexp(4.0 * 32 * 4, product - kBias));
}

void DstTile::multiply_by_datum(const LoadedB& in0, const LoadedA& in1) {
  SourceTile x{.words = in0.words, .source = in0.source};
  SourceTile w{.words = {}, .source = in1.source};
  unpack_tile(in1.format, {in1.tile, static_cast<std::size_t>(tile_bytes(in1.format))}, in1.source, core_.rules,
              w.words);
  TileWords dst;
  for (int r = 0; r < kSide; ++r)
    for (int c = 0; c < kSide; ++c) dst[static_cast<std::size_t>(tile_index(r, c))] = words_[r * kSide + c];
  matmul_tile(x, w, phases_, accumulator_, core_.rules, dst);
  for (int r = 0; r < in0.rows; ++r)
    for (int c = 0; c < kSide; ++c) words_[r * kSide + c] = dst[static_cast<std::size_t>(tile_index(r, c))];
  note_written(in0.rows);
}

// What the phases leave of the operands, summed in fp32 with k ascending.
void DstTile::multiply_fast(const LoadedB& in0, const LoadedA& in1) {
  core_.kernels->multiply_fast(
      {&in0.slices, &in1.slices, in0.rows, phases_, accumulator_ == Accumulator::kF32, core_.rules.lost_ulp, words_});
}

}  // namespace firstlight::device::tensix
