// The unpacker: L1 -> SrcA or SrcB, or straight to a 32-bit Dst (section 3).
//
//   bf16   as it is                       bfp8   sign, 7-bit magnitude: normalised, e = (E - leading zeros) mod 256
//   fp32   cut to tf32 or bf16            bfp4, bfp2   the same after a shift of the code to the left
#pragma once

#include <bit>
#include <cstring>
#include <span>

#include "firstlight/device/tensix/arithmetic/rules.h"
#include "firstlight/device/tensix/arithmetic/word.h"

namespace firstlight::device::tensix {

// What Src holds. All block formats are bf16 there.
enum class Source : std::uint8_t { kBf16, kTf32 };

constexpr std::uint32_t cut_mantissa(std::uint32_t word, int bits, Rounding rounding) {
  const std::uint32_t rounded =
      static_cast<std::uint32_t>(shift_round(word & ~kSignBit, bits, rounding, negative(word))) << bits;
  return (word & kSignBit) | rounded;
}

constexpr std::uint32_t source_of_f32(std::uint32_t word, Source source, const Rules& rules) {
  if (source == Source::kTf32) return cut_mantissa(word, 13, rules.to_tf32);
  if (is_zero(word)) return word & kSignBit;
  return cut_mantissa(word, 16, rules.to_bf16);
}

// A block-float code of `bits` (8, 4, 2) under the shared exponent.
constexpr std::uint32_t source_of_code(std::uint32_t code, int bits, int exponent, const Rules& rules) {
  code <<= 8 - bits;
  const bool sign = (code & 0x80U) != 0;
  const std::uint32_t magnitude = code & 0x7FU;
  if (magnitude == 0) return sign ? (rules.negative_zero_is_huge ? 0xFF800000U : kSignBit) : 0U;
  const int leading_zeros = 7 - std::bit_width(magnitude);
  int e = exponent - leading_zeros;
  if (e < 0) e = rules.exponent_wraps ? e + 256 : 0;
  return join(sign, e, (magnitude << leading_zeros & 63U) << 17);
}

// Bits of an element of a block format, or 0.
constexpr int block_bits(Format format) {
  return format == Format::bfp8 ? 8 : format == Format::bfp4 ? 4 : format == Format::bfp2 ? 2 : 0;
}
// What L1 can hold: f32, bf16, bfp8, bfp4, bfp2.
constexpr bool is_tile_format(Format format) {
  return format == Format::f32 || format == Format::bf16 || block_bits(format) != 0;
}

// `tile` has tile_bytes(format) bytes.
inline void unpack_tile(Format format, std::span<const std::byte> tile, Source source, const Rules& rules,
                        TileWords& words) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(tile.data());
  if (format == Format::f32) {
    std::memcpy(words.data(), bytes, sizeof(words));
    for (std::uint32_t& word : words) word = source_of_f32(word, source, rules);
    return;
  }
  if (format == Format::bf16) {
    std::array<std::uint16_t, kTileElements> halves;
    std::memcpy(halves.data(), bytes, sizeof(halves));
    for (std::size_t i = 0; i < halves.size(); ++i) words[i] = std::uint32_t{halves[i]} << 16;
    return;
  }
  const int bits = block_bits(format);
  const int per_byte = 8 / bits;
  for (int i = 0; i < kTileElements; ++i) {
    const std::uint32_t code = std::uint32_t{bytes[64 + i / per_byte]} >> (i % per_byte * bits) & ((1U << bits) - 1U);
    words[static_cast<std::size_t>(i)] = source_of_code(code, bits, bytes[i / 16], rules);
  }
}

// fp32 straight to Dst: all 32 bits.
inline void unpack_to_dst(std::span<const std::byte> tile, TileWords& words) {
  std::memcpy(words.data(), tile.data(), sizeof(words));
}

}  // namespace firstlight::device::tensix
