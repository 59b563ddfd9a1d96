// The matrix unit on whole tiles: operands in Src as slices, Dst as row-major words. Products beyond the vector
// kernels' range go datum by datum, with the same bits.
#pragma once

#include "firstlight/device/tensix/arithmetic/tile_ops.h"
#include "firstlight/device/tensix/settings.h"

namespace firstlight::device::tensix {

// A tile of in1 (weights, K x N) in SrcA. `tile` is what it was loaded from, and must outlive it.
struct LoadedA {
  SlicesA slices;
  const std::byte* tile = nullptr;
  Format format = Format::bf16;
  Source source = Source::kBf16;
  int largest = 0;  // biased exponent

  void load(const Kernels& kernels, Format tile_format, const std::byte* bytes, Source as);
};

// A tile of in0 (activations, rows x K) in SrcB, from words in face order, cut as `source` says.
struct LoadedB {
  SlicesB slices;
  TileWords words;
  Source source = Source::kBf16;
  int rows = 0;
  int largest = 0;

  // `rows` of the words are valid.
  void load(const Kernels& kernels, Source as, int valid_rows);
};

// Word of padding that no result may depend on: rows beyond the operand's, and K beyond it (whose weights are 0).
inline constexpr std::uint32_t kPoison = 0xC7FE0000U;

class DstTile {
 public:
  DstTile(const Core& core, const Fidelity& fidelity, bool f32_io)
      : core_(core),
        phases_(fidelity.phases),
        accumulator_(fidelity.wide || f32_io || core.fast ? Accumulator::kF32 : Accumulator::kBf16) {}
  Accumulator accumulator() const { return accumulator_; }

  // All rows +0, as software leaves it after each pack.
  void clear();
  // Dst += in0 in1 over one tile of K.
  void multiply(const LoadedB& in0, const LoadedA& in1);

  std::uint32_t* row(int r) { return words_ + r * kSide; }
  const std::uint32_t* row(int r) const { return words_ + r * kSide; }
  // After rows were written from outside.
  void note_written(int rows);

 private:
  void multiply_by_datum(const LoadedB& in0, const LoadedA& in1);
  void multiply_fast(const LoadedB& in0, const LoadedA& in1);

  const Core& core_;
  int phases_;
  Accumulator accumulator_;
  double magnitude_ = 0;  // a bound on every |datum|, which keeps the vector kernels within their range
  alignas(64) std::uint32_t words_[kTile];
};

}  // namespace firstlight::device::tensix
