// The SFPU's adder keeps 3 bits below the result's, with a sticky one that forgets an operand shifted out whole.
#include "firstlight/device/tensix/arithmetic/sfpu.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace firstlight::device::tensix {
namespace {

std::uint64_t significand(std::uint32_t word) { return is_zero(word) ? 0U : (1U << 23) | (word & kMantissaBits); }

std::int64_t shift_sticky(std::uint64_t x, int shift, const Rules& rules) {
  const std::uint64_t shifted = shift > 63 ? 0 : x >> shift;
  const bool lost = shift > 63 ? x != 0 : shifted << shift != x;
  const bool sticky = lost && (shifted != 0 || rules.mad_vanished_is_sticky);
  return static_cast<std::int64_t>(shifted | (sticky ? 1U : 0U));
}

// The adder, which knows no infinities and no NaNs: exponents stop at 255.
std::uint32_t mad_finite(std::uint32_t a, std::uint32_t b, std::uint32_t c, const Rules& rules) {
  const bool product_sign = negative(a) != negative(b);
  const int product_exponent = std::min(exponent_of(a) + exponent_of(b) - kBias, 255);
  const std::uint64_t exact = 8 * significand(a) * significand(b);
  const std::uint64_t product = exact >> 23 | ((exact & kMantissaBits) != 0 ? 1U : 0U);
  const std::uint64_t addend = 8 * significand(c);
  if (product == 0 || product_exponent < 0) {  // a product that underflows alone is dropped
    if (addend != 0) return c;
    return rules.mad_keeps_subnormal_sign && product_sign && negative(c) ? kSignBit : 0U;
  }
  int exponent = std::max(product_exponent, exponent_of(c));
  const std::int64_t p = shift_sticky(product, exponent - product_exponent, rules);
  const std::int64_t z = shift_sticky(addend, exponent - exponent_of(c), rules);
  const std::int64_t total = (product_sign ? -p : p) + (negative(c) ? -z : z);
  if (total == 0) return 0;

  const bool sign = total < 0;
  const auto magnitude = static_cast<std::uint64_t>(sign ? -total : total);
  int shift = std::bit_width(magnitude) - 27;  // 24 bits and 3 below
  exponent += shift;
  if (exponent >= 255) return join(sign, 255, 0);
  if (rules.mad_keeps_subnormal_sign) {
    if (exponent <= 0) {
      ++shift;
      exponent = 0;
    }
  } else if (exponent < 0) {
    return 0;
  }
  std::uint64_t normal = magnitude << std::max(-shift, 0);
  if (shift > 0) {
    // Wormhole looks at bit 0 only, so that a shift of 2 loses bit 1.
    const auto mask = rules.mad_sticky_wide ? static_cast<std::uint64_t>(shift | 1) : std::uint64_t{1};
    normal = magnitude >> shift | ((magnitude & mask) != 0 ? 1U : 0U);
  }
  std::uint32_t result =
      (static_cast<std::uint32_t>(exponent) << 23) + (static_cast<std::uint32_t>(normal >> 3) & kMantissaBits);
  if ((normal & 7) + (result & 1U) > 4) ++result;  // nearest even
  if (result < 1U << 23) return rules.mad_keeps_subnormal_sign && sign ? kSignBit : 0U;
  return (sign ? kSignBit : 0U) | result;
}

}  // namespace

std::uint32_t sfpu_mad(std::uint32_t a, std::uint32_t b, std::uint32_t c, const Rules& rules) {
  const bool product_sign = negative(a) != negative(b);
  const int product_exponent = exponent_of(a) + exponent_of(b) - kBias;
  const bool zero_product = is_zero(a) || is_zero(b);
  const bool true_infinity = is_infinite(a) || is_infinite(b);
  const bool infinite = true_infinity || (!zero_product && product_exponent >= 255);
  const bool opposite = is_infinite(c) && product_sign != negative(c);
  const bool product_nan = is_nan(a) || is_nan(b) || (true_infinity && zero_product);

  const bool difference_nan = opposite && (rules.mad_overflow_is_inf ? true_infinity : infinite);
  if (product_nan || is_nan(c) || difference_nan) {
    if (rules.mad_canonical_nan) return 0x7FC00000U;
    // The adder's own bits shine through, but for an addend that it passes on.
    const bool passed = zero_product || product_exponent < 0;
    const std::uint32_t payload = passed && exponent_of(c) == 255 ? 0U : mad_finite(a, b, c, rules) & kMantissaBits;
    const bool sign = is_nan(c) && !product_nan ? negative(c) : product_sign;
    return join(sign, 255, 1U | payload);
  }
  if (infinite && opposite) return c;
  if (infinite) return join(product_sign, 255, 0);
  return is_infinite(c) ? c : mad_finite(a, b, c, rules);
}

std::uint32_t sfpu_reciprocal_seed(std::uint32_t x, const Rules& rules) {
  const bool sign = negative(x);
  const int exponent = exponent_of(x);
  if (exponent == 0) return join(sign, 255, 0);
  if (exponent >= 253) return sign ? kSignBit : 0U;
  const int top = static_cast<int>(x >> 16 & 127U);
  const double exact = 32768.0 / (128.0 + top + rules.reciprocal_offset) - 128.0;
  const auto mantissa = static_cast<std::uint32_t>(std::clamp(std::lrint(exact), 0L, 127L));
  return join(sign, 253 - exponent, mantissa << 16);
}

std::uint32_t sfpu_round_bf16(std::uint32_t x, const Rules& rules) {
  if (is_zero(x)) return 0;
  if (exponent_of(x) == 255) return (x & kSignBit) | kInfinity;
  const auto magnitude = static_cast<std::uint32_t>(shift_round(x & ~kSignBit, 16, rules.store, negative(x))) << 16;
  return (x & kSignBit) | magnitude;
}

}  // namespace firstlight::device::tensix
