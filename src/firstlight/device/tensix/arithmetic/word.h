// Words: every number between unpacker and packer is an fp32-style pattern s | e8 | m23 in 32 bits, also where the
// hardware holds fewer. Exponent 0 is zero, exponent 255 an ordinary binade inside the FPU.
#pragma once

#include <array>
#include <cstdint>

#include "firstlight/format/tile.h"

namespace firstlight::device::tensix {

constexpr std::uint32_t kSignBit = 0x80000000U;
constexpr std::uint32_t kExponentBits = 0x7F800000U;
constexpr std::uint32_t kMantissaBits = 0x007FFFFFU;
constexpr std::uint32_t kInfinity = 0x7F800000U;
constexpr int kBias = 127;

constexpr int exponent_of(std::uint32_t word) { return static_cast<int>(word >> 23 & 255U); }
constexpr bool negative(std::uint32_t word) { return (word & kSignBit) != 0; }
constexpr bool is_zero(std::uint32_t word) { return (word & kExponentBits) == 0; }
constexpr bool is_nan(std::uint32_t word) { return (word & ~kSignBit) > kInfinity; }
constexpr bool is_infinite(std::uint32_t word) { return (word & ~kSignBit) == kInfinity; }
constexpr std::uint32_t join(bool sign, int exponent, std::uint32_t mantissa) {
  return (sign ? kSignBit : 0U) | static_cast<std::uint32_t>(exponent) << 23 | mantissa;
}

// A tile's 1024 words in face order (format/tile.h).
using TileWords = std::array<std::uint32_t, kTileElements>;

}  // namespace firstlight::device::tensix
