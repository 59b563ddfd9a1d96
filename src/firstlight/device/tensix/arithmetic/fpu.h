// The FPU, one datum at a time (sections 4 and 5). matmul.h and its vector kernels must agree with it to the bit.
//
// A product of slices a5 * b7 stands for a5 b7 2^(e - 127 - 10). Products are aligned to the largest exponent of their
// group, rounded and summed exactly; the sums are aligned with Dst to the largest exponent of all, and the total is
// normalised to Dst's width.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <span>

#include "firstlight/device/tensix/arithmetic/rules.h"
#include "firstlight/device/tensix/arithmetic/unpack.h"
#include "firstlight/device/tensix/arithmetic/word.h"

namespace firstlight::device::tensix {

// Dst's width.
enum class Accumulator : std::uint8_t { kBf16, kF32 };

// An operand as the multipliers read it: 11-bit significand, 10 fraction bits.
struct Datum {
  bool sign;
  int exponent;
  int significand;
};

constexpr Datum read_datum(std::uint32_t word, Source source, const Rules& rules) {
  const int mantissa = static_cast<int>(word >> 13 & 0x3FFU);
  const bool narrow = source != Source::kTf32 && rules.narrow_sources;
  return {negative(word), exponent_of(word), 1024 | (narrow ? mantissa & ~7 : mantissa)};
}

struct Product {
  bool sign = false;
  int exponent = 0;
  int magnitude = 0;
};

// One phase's product. Below the range it is 0 where `flush` says so.
constexpr Product multiply(const Datum& a, const Datum& b, const FidelityPhase& phase, bool flush, const Rules& rules) {
  if (a.exponent == 0 || b.exponent == 0) return {};
  const int a5 = phase.low_a ? a.significand >> 1 & 31 : a.significand >> 6;
  const int b7 = phase.low_b ? (b.significand & 15) << 3 : b.significand >> 4;
  const int exponent = a.exponent + b.exponent - kBias - phase.extra;
  if (flush && exponent <= 0) return {};
  if (a5 * b7 == 0 && !rules.zero_slices_keep_exponent) return {};
  return {a.sign != b.sign, exponent, a5 * b7};
}

// A signed sum of magnitudes with 10 fraction bits below 2^(exponent - 127).
struct Term {
  std::int64_t value = 0;
  int exponent = 0;
};

constexpr Term sum_group(std::span<const Product> products, const Rules& rules) {
  Term term{0, 0};
  for (const Product& product : products) term.exponent = std::max(term.exponent, product.exponent);
  if (term.exponent <= 0) return {};
  for (const Product& product : products) {
    const int shift = std::min(term.exponent - product.exponent, 30);
    const std::int64_t rounded = shift_round(product.magnitude, shift, rules.product, product.sign);
    term.value += product.sign ? -rounded : rounded;
  }
  return term;
}

// Aligned to the common exponent and, for a 16-bit Dst, cut to 10 fraction bits of 23.
constexpr std::int64_t align(std::int64_t magnitude, int shift, Rounding rounding, bool sign, Accumulator accumulator,
                             const Rules& rules) {
  if (shift > 0) magnitude = shift < 31 ? shift_round(magnitude, shift, rounding, sign) : 0;
  if (accumulator == Accumulator::kBf16 && rules.coarse_operands)
    magnitude = shift_round(magnitude, 13, rounding, sign) << 13;
  return magnitude;
}

// Dst + terms, as Dst stores it.
constexpr std::uint32_t accumulate(std::span<const Term> terms, std::uint32_t dst, Accumulator accumulator,
                                   const Rules& rules) {
  const int dst_exponent = exponent_of(dst);
  int exponent = dst_exponent;
  for (const Term& term : terms) exponent = std::max(exponent, term.exponent);
  if (exponent <= 0) return 0;

  std::int64_t total = 0;
  for (const Term& term : terms) {
    const bool sign = term.value < 0;
    const std::int64_t magnitude =
        align((sign ? -term.value : term.value) << 13, exponent - term.exponent, rules.term, sign, accumulator, rules);
    total += sign ? -magnitude : magnitude;
  }
  const std::int64_t significand = dst_exponent == 0 ? 0 : (1 << 23) | (dst & kMantissaBits);
  const std::int64_t aligned =
      align(significand, exponent - dst_exponent, rules.dst, negative(dst), accumulator, rules);
  total += negative(dst) ? -aligned : aligned;
  if (total == 0) return 0;

  const bool sign = total < 0;
  if (accumulator == Accumulator::kF32 && rules.lost_ulp && total == -1)
    return exponent + 4 >= 255 ? join(true, 255, 0) : join(true, exponent + 4, 0);
  const std::int64_t magnitude = sign ? -total : total;
  const int kept = accumulator == Accumulator::kF32 ? 24 : 8;
  const int length = std::bit_width(static_cast<std::uint64_t>(magnitude));
  std::int64_t normal =
      length > kept ? shift_round(magnitude, length - kept, rules.normalise, sign) : magnitude << (kept - length);
  exponent += length - 24;
  if (normal >> kept != 0) {
    normal >>= 1;
    ++exponent;
  }
  if (exponent <= 0) return 0;
  if (exponent >= 255) return join(sign, 255, 0);
  return join(sign, exponent, static_cast<std::uint32_t>(normal << (24 - kept)) & kMantissaBits);
}

// One output of one MVMUL: 16 products in groups.
constexpr std::uint32_t mvmul_datum(std::span<const Product, 16> products, std::uint32_t dst, Accumulator accumulator,
                                    const Rules& rules) {
  std::array<Term, 16> terms;
  std::size_t count = 0;
  for (std::size_t k = 0; k < 16; k += static_cast<std::size_t>(rules.group))
    terms[count++] = sum_group(products.subspan(k, static_cast<std::size_t>(rules.group)), rules);
  return accumulate({terms.data(), count}, dst, accumulator, rules);
}

// ---- Element-wise -------------------------------------------------------------------------------------------------

// Dst + a b over the phases 0 .. phases-1.
constexpr std::uint32_t elwmul_datum(const Datum& a, const Datum& b, int phases, std::uint32_t dst,
                                     Accumulator accumulator, const Rules& rules) {
  for (int p = 0; p < phases; ++p) {
    const Product product = multiply(a, b, rules.phases[static_cast<std::size_t>(p)], rules.small_mul_flush, rules);
    const Term term{product.sign ? -product.magnitude : product.magnitude, std::max(product.exponent, 0)};
    dst = accumulate({&term, 1}, dst, accumulator, rules);
  }
  return dst;
}

// (accumulating ? Dst : 0) + a + b, the smaller operand aligned to the larger on 11 bits.
constexpr std::uint32_t elwadd_datum(Datum a, Datum b, std::uint32_t dst, Accumulator accumulator, const Rules& rules) {
  if (a.exponent == 0) a = {};
  if (b.exponent == 0) b = {};
  if (b.exponent > a.exponent || (b.exponent == a.exponent && b.significand > a.significand)) std::swap(a, b);
  const int gap = a.exponent - b.exponent;
  const int extra = rules.add_three_extra_bits ? 3 : 0;
  const std::int64_t smaller =
      gap < rules.add_reach ? shift_round(std::int64_t{b.significand} << extra, gap, rules.add_align, b.sign) : 0;
  const std::int64_t larger = std::int64_t{a.significand} << extra;
  const std::int64_t sum = a.sign == b.sign ? larger + smaller : larger - smaller;
  const std::int64_t whole = shift_round(sum, extra, Rounding::kTruncate, false);
  const Term term{a.sign ? -whole : whole, a.exponent};
  return accumulate({&term, 1}, dst, accumulator, rules);
}

// Src -> Dst by MOVA2D: bits move, zeros lose their sign.
constexpr std::uint32_t move_datum(std::uint32_t word) { return is_zero(word) ? 0U : word; }

}  // namespace firstlight::device::tensix
