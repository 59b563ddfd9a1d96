// The matrix unit on lanes of outputs: exactly what arithmetic/fpu.h says, in few instructions.
//
//   A group's products are summed by fused multiply-adds onto 1.5 2^23 u, u the weight of the last bit that the group's
//   largest exponent keeps. Each one rounds to a multiple of u, to nearest: the hardware's rounding of that product,
//   since a product's tilt (SlicesB) makes ties away from zero of it, and the sum of multiples of u is exact. The sum
//   in units of u is then in the low bits of the float.
//
// Why it holds: a product p has at most 12 bits and its tilt is p / 8192 < 1/2, in units of its own last bit. A tie
// becomes more than a tie; nothing else crosses one, being a whole unit away, and a product that needs no rounding gets
// none. The slices with their tilt have 21 bits, and a fused multiply-add sees their product whole. |sum| <= 8 * 3937 <
// 2^15, far from the ends of the binade. In double (portable.h) a product is exact, and the sum's rounding to 53 bits
// is finer than the distance of any tilted product from a tie.
#pragma once

#include "firstlight/device/tensix/kernels/kernels.h"

namespace firstlight::device::tensix::FL_ISA {
namespace {

constexpr int kColumns = 16;
constexpr int kVectors = kColumns / kLanes;
constexpr int kGroup = 8;
constexpr int kExtra[4] = {0, 5, 7, 12};

// The largest sum of exponents of each group: [half of K][group][row of the block][column].
using Tops = int16_t[2][2][kRowBlock][kColumns];

FL_INLINE void find_tops(const int16_t* a, const int32_t* b, Tops& tops) {
  for (int half = 0; half < 2; ++half)
    for (int group = 0; group < 2; ++group) {
      const int first = half * 16 + group * kGroup;
      S best[kRowBlock];
      for (int k = first; k < first + kGroup; ++k) {
        const S column = load_short(a + k * kSide);
        for (int r = 0; r < kRowBlock; ++r) {
          const S sum = add(column, set_pair(b + r * kSide + k));
          best[r] = k == first ? sum : max(best[r], sum);
        }
      }
      for (int r = 0; r < kRowBlock; ++r) store_short(tops[half][group][r], best[r]);
    }
}

// Constants of a phase; exponents are sums e(a) + e(b), so a true exponent is a sum + offset.
struct PhaseConstants {
  I magic;   // ((offset + 13) << 23) + 0x400000: 1.5 2^23 u, u = 2^(E - 137), from E << 23
  I limit;   // -offset: a group counts when its sum is above
  I offset;  // Dst's exponent becomes a sum
  I scale;   // the result's exponent from the converted total's
};
template <bool kWide>
FL_INLINE PhaseConstants phase_constants(int phase) {
  const int offset = -127 - kExtra[phase];
  const auto high = [](int exponent) { return static_cast<int32_t>(static_cast<uint32_t>(exponent) << 23); };
  // Twice the total, 25 bits where its exponent is E; or the total without its lowest 13 bits, 11 bits.
  return {set(high(offset + 13) + 0x400000), set(-offset), set(offset), set(high(offset - (kWide ? 151 : 137)))};
}

// Dst + the two groups' sums, one vector. `v0` and `v1` are sums << 14, `e0` and `e1` their exponents as sums.
template <bool kWide, bool kLostUlp>
FL_INLINE I combine(I v0, I v1, I e0, I e1, I dst, const PhaseConstants& c) {
  const I one = set(1);
  const I dst_exponent = sub(shr<24>(shl<1>(dst)), c.offset);
  const I exponent = max(max(e0, e1), dst_exponent);
  // floor((2 x >> d) + 1) / 2: to nearest, ties up; a shift past all bits leaves 0 or -1, which rounds to 0.
  I t0 = sar<1>(add(sar(v0, sub(exponent, e0)), one));
  I t1 = sar<1>(add(sar(v1, sub(exponent, e1)), one));
  const I significand = either(shl<8>(dst), set(INT32_MIN));
  I d = shr<1>(add(shr(significand, sub(add(exponent, set(7)), dst_exponent)), one));
  if (!kWide) {
    const I half = set(4096);
    t0 = sar<13>(add(t0, half));
    t1 = sar<13>(add(t1, half));
    d = shr<13>(add(d, half));
  }
  const I total = add(add(t0, t1), times_sign(d, dst));
  I magnitude = abs(total);
  if (kWide && kLostUlp) magnitude = add(magnitude, shr<5>(minus_one_equal(total, set(-1))));  // 1 -> 2^27
  I rounded;
  if (kWide) {
    // Twice the total, odd where more than 24 bits are: the conversion to nearest even never ties, and rounds away.
    const I doubled = sub(add(magnitude, magnitude), minus_one_greater(magnitude, set(0x00FFFFFF)));
    rounded = bits(to_float(doubled));
  } else {
    rounded = both(add(bits(to_float(magnitude)), set(0x8000)), set(static_cast<int32_t>(0xFFFF0000U)));
  }
  const I word = times_sign(add(rounded, add(shl<23>(exponent), c.scale)), magnitude);  // 0 stays 0
  const I result = either(word, both(total, set(INT32_MIN)));
  return keep_greater(result, word, set(0x007FFFFF));  // exponents of 0 and less are +0
}

// One MVMUL of a block of rows and 16 columns. a [16, 32] and b [rows, 32] at the half's first k.
template <bool kWide, bool kLostUlp>
FL_INLINE void step(const float* a, const float* b, const int16_t (&tops)[2][kRowBlock][kColumns],
                    const PhaseConstants& c, uint32_t* dst) {
  I sums[2][kRowBlock][kVectors];
  for (int group = 0; group < 2; ++group) {
    F acc[kRowBlock][kVectors];
    for (int r = 0; r < kRowBlock; ++r)
      for (int v = 0; v < kVectors; ++v) acc[r][v] = floats(add(shl<23>(widen(tops[group][r] + v * kLanes)), c.magic));
#pragma GCC unroll 8
    for (int k = group * kGroup; k < group * kGroup + kGroup; ++k) {
      F w[kVectors];
      for (int v = 0; v < kVectors; ++v) w[v] = load(a + k * kSide + v * kLanes);
      for (int r = 0; r < kRowBlock; ++r) {
        const F x = broadcast(b + r * kSide + k);
        for (int v = 0; v < kVectors; ++v) acc[r][v] = fma(x, w[v], acc[r][v]);
      }
    }
    for (int r = 0; r < kRowBlock; ++r)
      for (int v = 0; v < kVectors; ++v)
        sums[group][r][v] = keep_greater(shl<14>(bits(acc[r][v])), widen(tops[group][r] + v * kLanes), c.limit);
  }
  for (int r = 0; r < kRowBlock; ++r)
    for (int v = 0; v < kVectors; ++v) {
      uint32_t* out = dst + r * kSide + v * kLanes;
      store_words(out, combine<kWide, kLostUlp>(sums[0][r][v], sums[1][r][v], widen(tops[0][r] + v * kLanes),
                                                widen(tops[1][r] + v * kLanes), load_words(out), c));
    }
}

template <bool kWide, bool kLostUlp>
void multiply_tile(const MatrixTask& task) {
  for (int row = 0; row < task.rows; row += kRowBlock)
    for (int column = 0; column < kSide; column += kColumns) {
      alignas(64) Tops tops;
      find_tops(task.in1->exponents + column, task.in0->exponents + row * kSide, tops);
      for (int phase = 0; phase < task.phases; ++phase) {
        const float* a = (phase & 1) != 0 ? task.in1->low : task.in1->high;
        const float* b = phase >= 2 ? task.in0->low : task.in0->high;
        const PhaseConstants constants = phase_constants<kWide>(phase);
        for (int half = 0; half < 2; ++half)
          step<kWide, kLostUlp>(a + half * 16 * kSide + column, b + row * kSide + half * 16, tops[half], constants,
                                task.dst + row * kSide + column);
      }
    }
}

void multiply(const MatrixTask& task) {
  if (!task.wide)
    multiply_tile<false, false>(task);
  else if (task.lost_ulp)
    multiply_tile<true, true>(task);
  else
    multiply_tile<true, false>(task);
}

}  // namespace
}  // namespace firstlight::device::tensix::FL_ISA
