// The arithmetic of a Tensix core as one row of data a chip: every rule that the two chips, or a mistake, could have
// otherwise. Functions of this folder take a row, so that a test can run them with one rule changed; production passes
// kWormhole or kBlackhole. Source: Tensix numerics notes, sections 3 to 8.1 (docs/tensix.md says how far to trust
// them).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace firstlight::device::tensix {

// How a magnitude is rounded when low bits are dropped.
enum class Rounding : std::uint8_t {
  kAway,      // to nearest, ties away from zero
  kUp,        // to nearest, ties toward +infinity
  kEven,      // to nearest, ties to even
  kTruncate,  // toward zero
};

// One pass of the multipliers over slices of the operands' 11-bit significands.
struct FidelityPhase {
  bool low_a;  // SrcA gives M[5:1] instead of M[10:6]
  bool low_b;  // SrcB gives M[3:0] << 3 instead of M[10:4]
  int extra;   // subtracted from the product's exponent
};

struct Rules {
  std::string_view chip;  // "wh": as vectors name it
  std::string_view arch;  // "wormhole": as boards name it

  // ---- 3: unpacking
  Rounding to_tf32 = Rounding::kTruncate;  // fp32 in L1 to the 10-bit mantissa of Src
  Rounding to_bf16 = Rounding::kTruncate;
  bool exponent_wraps = true;         // a block's exponent minus leading zeros, modulo 256; else held at 0
  bool negative_zero_is_huge = true;  // the block-float code "-0" reads as -2^128
  bool narrow_sources = true;         // all but tf32 are cut to 7 mantissa bits when the multipliers read them

  // ---- 4: MVMUL
  std::array<FidelityPhase, 4> phases{{{false, false, 0}, {true, false, 5}, {false, true, 7}, {true, true, 12}}};
  int group = 8;                          // products that share an exponent
  bool zero_slices_keep_exponent = true;  // a product that is 0 in this phase only still takes part in the maximum
  Rounding product = Rounding::kAway;     // products aligned to their group's exponent
  Rounding term = Rounding::kUp;          // a group's sum aligned to the largest exponent, and cut to a 16-bit Dst
  Rounding dst = Rounding::kAway;         // Dst aligned, and cut
  bool coarse_operands = true;            // with a 16-bit Dst, operands are cut to 10 fraction bits before the sum
  Rounding normalise = Rounding::kAway;   // the sum, to 24 or 8 significant bits
  bool lost_ulp = false;                  // 4.3: a sum of exactly -1 with a 32-bit Dst comes out 27 binades high
  bool phases_outside = true;             // 4.4: phases go round the two halves of K, not the other way
  bool weights_in_a = true;               // in1 lies in SrcA, the side of 5 bits
  bool small_products_flush = false;      // single products below the range count when their group's maximum is not

  // ---- 5: element-wise
  bool small_mul_flush = true;  // ELWMUL's single product below the range is 0
  int add_reach = 12;           // exponent gap from which ELWADD drops the smaller operand
  Rounding add_align = Rounding::kAway;
  bool add_three_extra_bits = false;  // operands are aligned on 11 bits; a wider adder would keep what shifts out

  // ---- 7: packing
  Rounding pack_bf16 = Rounding::kAway;
  bool block_early = true;  // E8M6 rounds once before the block is assembled
  Rounding block = Rounding::kAway;
  bool block_saturates = true;       // rounding over the top keeps the exponent
  bool narrow_by_truncation = true;  // bfp4 and bfp2 are cut from the 7-bit magnitude
  bool nan_packs_as_inf = true;
  bool threshold_keeps_low_bits = true;  // relu mode 3 compares fp32 without its low 13 bits
  bool accumulate_flushes = true;        // L1 accumulation treats subnormals as 0
  bool accumulate_nan_is_huge = true;    // bf16 L1 accumulation reads NaN as a huge number

  // ---- 8: SFPU
  bool mad_canonical_nan = false;  // Blackhole: NaN is 0x7FC00000; Wormhole leaves the adder's bits in the payload
  bool mad_keeps_subnormal_sign = false;  // Blackhole: results below the range keep their sign
  bool mad_sticky_wide = false;           // Blackhole: a right shift of 2 keeps both lost bits
  bool mad_overflow_is_inf = false;       // Wormhole: a product past the range against an opposite infinity is NaN
  bool mad_vanished_is_sticky = false;    // an operand that is shifted out leaves a trace
  double reciprocal_offset = 0.5;         // SFPARECIP's table is taken at the middle of its interval
  Rounding store = Rounding::kAway;       // SFP_STOCH_RND, deterministic, fp32 to bf16
};

inline constexpr Rules kWormhole{.chip = "wh", .arch = "wormhole", .lost_ulp = true, .mad_overflow_is_inf = false};
inline constexpr Rules kBlackhole{.chip = "bh",
                                  .arch = "blackhole",
                                  .mad_canonical_nan = true,
                                  .mad_keeps_subnormal_sign = true,
                                  .mad_sticky_wide = true,
                                  .mad_overflow_is_inf = true};

// magnitude / 2^shift; `negative` is the value's sign. 0 from a shift that leaves nothing.
constexpr std::int64_t shift_round(std::int64_t magnitude, int shift, Rounding rounding, bool negative) {
  if (shift <= 0) return magnitude;
  if (shift > 40) return 0;  // magnitudes have 30 bits at most
  const std::int64_t half = std::int64_t{1} << (shift - 1);
  switch (rounding) {
    case Rounding::kAway:
      return (magnitude + half) >> shift;
    case Rounding::kUp:
      return (magnitude + half - (negative ? 1 : 0)) >> shift;
    case Rounding::kEven:
      return (magnitude + half - 1 + (magnitude >> shift & 1)) >> shift;
    case Rounding::kTruncate:
      return magnitude >> shift;
  }
  return 0;
}

}  // namespace firstlight::device::tensix
