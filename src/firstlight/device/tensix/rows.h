// Rows of tensors as words: what the unpacker makes of a stored row, and what the packer stores of a row of Dst. The
// values are those of 32x32 tiles, whose blocks of 16 lie along rows; only matrix products need the tiles themselves.
#pragma once

#include "firstlight/device/carver.h"
#include "firstlight/device/contract.h"
#include "firstlight/device/tensix/arithmetic/pack.h"
#include "firstlight/device/tensix/settings.h"

namespace firstlight::device::tensix {

// Elements [begin, begin + count) of a stored row of n as L1 holds them; `begin` is a multiple of 16.
void read_words(Format format, const std::byte* stored, std::int64_t n, std::int64_t begin, std::int64_t count,
                const Rules& rules, std::uint32_t* words);

// Dst words into elements [begin, begin + count) of a stored row of n, by the packer's usual way to the format. `begin`
// is a multiple of 16, and so is `count` unless the row ends there.
void write_words(Format format, std::byte* stored, std::int64_t n, std::int64_t begin, std::int64_t count,
                 const std::uint32_t* words, Accumulator accumulator, const Rules& rules);

// A buffer in L1 between two kernels of an op, f32 or bf16: Dst words as it holds them.
constexpr std::uint32_t to_l1(std::uint32_t dst, Format l1, Accumulator accumulator, const Rules& rules) {
  if (accumulator == Accumulator::kBf16) dst &= 0xFFFF0000U;
  const bool through = l1 == Format::f32 && accumulator == Accumulator::kF32;
  return pack_early(dst, accumulator, through ? Intermediate::kF32 : Intermediate::kBf16, rules);
}

// What Src holds of a word from L1 in `format`: fp32 is cut to tf32 under a 32-bit Dst, else to bf16.
constexpr Source source_of(Format format, Accumulator accumulator) {
  return format == Format::f32 && accumulator == Accumulator::kF32 ? Source::kTf32 : Source::kBf16;
}
constexpr std::uint32_t to_source(std::uint32_t l1, Format format, Source source, const Rules& rules) {
  return format == Format::f32 ? source_of_f32(l1, source, rules) : l1;
}

// fp32 rounded to bf16 as the host stores it (nearest even), as a word.
std::uint32_t host_bf16(float value);

}  // namespace firstlight::device::tensix
