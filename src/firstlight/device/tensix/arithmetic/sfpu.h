// SFPU instructions, one fp32 lane at a time (section 8): the multiply-add with its chip's own corners, Blackhole's
// reciprocal table, and the rounding of a store to a 16-bit Dst.
#pragma once

#include "firstlight/device/tensix/arithmetic/rules.h"
#include "firstlight/device/tensix/arithmetic/word.h"

namespace firstlight::device::tensix {

// a * b + c. Also ADD (1 * b + c) and MUL (a * b + 0).
std::uint32_t sfpu_mad(std::uint32_t a, std::uint32_t b, std::uint32_t c, const Rules& rules);

// SFPARECIP: 8 bits of 1 / x.
std::uint32_t sfpu_reciprocal_seed(std::uint32_t x, const Rules& rules);

// SFP_STOCH_RND without the dice: fp32 -> bf16, half away; subnormals +0, NaN infinity.
std::uint32_t sfpu_round_bf16(std::uint32_t x, const Rules& rules);

// What a store leaves in Dst: 16 bits are cut off without rounding, exponent 0 becomes a signed zero.
constexpr std::uint32_t sfpu_store(std::uint32_t x, bool wide_dst) {
  if (is_zero(x)) return x & kSignBit;
  return wide_dst ? x : x & 0xFFFF0000U;
}

}  // namespace firstlight::device::tensix
