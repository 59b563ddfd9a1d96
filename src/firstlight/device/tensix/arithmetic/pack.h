// The packer: Dst -> L1 (section 7). Each datum is converted early to an intermediate format, through ReLU, then late
// to L1's; 16 data of a face row share an exponent in the block formats.
//
//   block   E = largest exponent;  q = min((m8 + 2^k) >> (k + 1), 127), k = E - e;  bfp4: q >> 4, bfp2: q >> 6
//
// It rounds ties away from zero where the host rounds them to even (format/block_float.h), and the usual way to a block
// format rounds twice: once to 6 mantissa bits (E8M6), once to the shared exponent.
#pragma once

#include <span>

#include "firstlight/device/tensix/arithmetic/fpu.h"

namespace firstlight::device::tensix {

enum class Intermediate : std::uint8_t { kF32, kBf16, kE8M6 };

enum class Relu : std::uint8_t { kNone, kZero, kMinimum, kMaximum };

struct PackSettings {
  Format format = Format::bf16;
  Intermediate intermediate = Intermediate::kBf16;
  Relu relu = Relu::kNone;
  std::uint16_t threshold = 0;  // a bf16 pattern
  bool accumulate = false;      // adds to what L1 holds: f32 and bf16 only
};

// The intermediate that the stack configures for an output format.
constexpr Intermediate usual_intermediate(Format format, Accumulator accumulator) {
  if (block_bits(format) != 0) return Intermediate::kE8M6;
  return format == Format::f32 && accumulator == Accumulator::kF32 ? Intermediate::kF32 : Intermediate::kBf16;
}
// Whether the packer has this way: fp32 passes through from a 32-bit Dst only, and narrows only to block formats.
constexpr bool can_pack(const PackSettings& settings, Accumulator accumulator) {
  if (!is_tile_format(settings.format)) return false;
  if (settings.accumulate && block_bits(settings.format) != 0) return false;
  if (settings.intermediate != Intermediate::kF32) return true;
  return accumulator == Accumulator::kF32 && settings.format != Format::bf16;
}

constexpr std::uint32_t pack_early(std::uint32_t word, Accumulator accumulator, Intermediate intermediate,
                                   const Rules& rules) {
  if (intermediate == Intermediate::kF32) return word;
  if (exponent_of(word) == 255)
    return is_nan(word) && !rules.nan_packs_as_inf ? word & 0xFFFF0000U : (word & kSignBit) | kInfinity;
  const std::uint32_t sign = word & kSignBit;
  std::uint32_t magnitude = word & ~kSignBit;
  if (intermediate == Intermediate::kBf16) {
    if (accumulator == Accumulator::kF32)
      magnitude = static_cast<std::uint32_t>(shift_round(magnitude, 16, rules.pack_bf16, sign != 0)) << 16;
  } else {
    magnitude &= 0xFFFF0000U;
    if (rules.block_early)
      magnitude = static_cast<std::uint32_t>(shift_round(magnitude, 17, rules.block, sign != 0)) << 17;
  }
  return is_zero(magnitude) ? 0U : sign | magnitude;
}

constexpr std::uint32_t relu_datum(std::uint32_t word, const PackSettings& settings, const Rules& rules) {
  if (settings.relu == Relu::kNone) return word;
  if (negative(word)) return 0;
  const auto threshold = static_cast<std::int32_t>(std::uint32_t{settings.threshold} << 16);
  const auto value = static_cast<std::int32_t>(word);
  if (settings.relu == Relu::kMinimum) return value <= threshold ? 0U : word;
  if (settings.relu == Relu::kMaximum) {
    const bool full = settings.intermediate == Intermediate::kF32 && rules.threshold_keeps_low_bits;
    const std::int32_t seen = full ? value & ~0x1FFF : value;
    return seen > threshold ? static_cast<std::uint32_t>(threshold) : word;
  }
  return word;
}

// The codes of 16 words under one exponent, right-aligned in a byte each; returns the exponent.
constexpr std::uint8_t assemble_block(int bits, std::span<const std::uint32_t, 16> words,
                                      std::span<std::uint8_t, 16> codes, const Rules& rules) {
  int shared = 0;
  for (const std::uint32_t word : words) shared = std::max(shared, exponent_of(word));
  const auto magnitude_of = [&](std::uint32_t word) -> std::int64_t {
    const int gap = shared - exponent_of(word);
    if (is_zero(word) || gap >= 8) return 0;
    const std::int64_t m8 = 128 | (word >> 16 & 127U);
    if (!rules.narrow_by_truncation && bits < 8)
      return std::min<std::int64_t>(shift_round(m8, gap + 9 - bits, rules.block, negative(word)), (1 << (bits - 1)) - 1)
             << (8 - bits);
    return shift_round(m8, gap + 1, rules.block, negative(word));
  };
  if (!rules.block_saturates)
    for (const std::uint32_t word : words)
      if (magnitude_of(word) > 127) {
        ++shared;
        break;
      }
  for (std::size_t i = 0; i < 16; ++i) {
    const auto magnitude =
        static_cast<std::uint32_t>(std::min<std::int64_t>(magnitude_of(words[i]), 127)) >> (8 - bits);
    codes[i] =
        static_cast<std::uint8_t>(magnitude == 0 ? 0U : (negative(words[i]) ? 1U << (bits - 1) : 0U) | magnitude);
  }
  return static_cast<std::uint8_t>(shared);
}

// L1 + value, for fp32 and for bf16 (both as words).
std::uint32_t accumulate_f32(std::uint32_t old, std::uint32_t value, const Rules& rules);
std::uint32_t accumulate_bf16(std::uint32_t old, std::uint32_t value, const Rules& rules);

// Dst -> tile_bytes(format) bytes. `tile` holds L1's contents before, where they are added to.
void pack_tile(const TileWords& dst, Accumulator accumulator, const PackSettings& settings, const Rules& rules,
               std::span<std::byte> tile);

}  // namespace firstlight::device::tensix
