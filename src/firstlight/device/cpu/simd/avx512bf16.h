// AVX-512 with BF16 and VBMI: what avx512.h has, and products of two bf16 by two bf16 in each lane.
#pragma once

#include "firstlight/device/cpu/simd/avx512.h"

#define FL_PAIRS

namespace firstlight::device::cpu::FL_ISA {
namespace {

#if defined(FIRSTLIGHT_SIMDE)
constexpr int kPairPanels[] = {0, 2, 1, 1, 1};
#else
// Two chains hide memory for one row, and fewer streams at a time are read faster.
constexpr int kPairPanels[] = {0, 2, 4, 4, 4};
#endif

using Pair = __m512i;  // in each lane two bf16: an input in the low half, the next in the high half

FL_INLINE Pair load_pair(const void* p) { return _mm512_loadu_si512(p); }
FL_INLINE void store_pair(void* p, Pair v) { _mm512_storeu_si512(p, v); }
// Floats that are bf16 already.
FL_INLINE Pair join(Vec low, Vec high) {
  return _mm512_mask_blend_epi16(0xAAAAAAAAU, _mm512_srli_epi32(_mm512_castps_si512(low.v), 16),
                                 _mm512_castps_si512(high.v));
}
// acc + x[0] w[0] + x[1] w[1] in each lane, as the instruction adds them: two roundings, subnormal numbers as zero.
FL_INLINE Vec dot_pairs(Vec acc, uint32_t x, Pair w) {
  const __m512i inputs = _mm512_set1_epi32(static_cast<int>(x));
#if defined(FIRSTLIGHT_SIMDE)
  return {emulated_dpbf16(acc.v, inputs, w)};
#else
  return {_mm512_dpbf16_ps(acc.v, (__m512bh)inputs, (__m512bh)w)};
#endif
}
// Numbers of 0 to 1, rounded to nearest even; subnormal ones, which dot_pairs takes for zero, may become that here.
FL_INLINE void store_weights(uint16_t* p, Vec v) {
#if defined(FIRSTLIGHT_SIMDE)
  store_bf16(p, v);
#else
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), (__m256i)_mm512_cvtneps_pbh(v.v));
#endif
}
// Two rows of 16 bf16 as pairs.
FL_INLINE Pair pair_rows(const uint16_t* low, const uint16_t* high) {
  return _mm512_or_si512(_mm512_cvtepu16_epi32(load_si256(low)),
                         _mm512_slli_epi32(_mm512_cvtepu16_epi32(load_si256(high)), 16));
}
FL_INLINE Pair low_of_pairs(Pair v) { return _mm512_and_si512(v, _mm512_set1_epi32(0xFFFF)); }
FL_INLINE Pair high_of_pairs(Pair v) { return _mm512_and_si512(v, _mm512_set1_epi32(INT32_MIN >> 15)); }
FL_INLINE bool finite_pairs(Pair v) {
  const __m512i exponent = _mm512_set1_epi16(0x7F80);
  return _mm512_test_epi16_mask(_mm512_andnot_si512(v, exponent), exponent) == 0xFFFFFFFFU;  // no exponent is all ones
}
// The J-th two codes of each of 16 words, times 1 / kPairCodes.
#if defined(FL_HALVES)
constexpr float kPairCodes8 = 0x1p+104F;
#else
constexpr float kPairCodes8 = 1;
#endif
template <int kBits>
constexpr float kPairCodes = kBits == 8   ? kPairCodes8
                             : kBits == 4 ? 1
                                          : kCodes<2>;
template <int J>
FL_INLINE Pair codes4_pair(const uint8_t* p) {
  const __m512i words = _mm512_loadu_si512(p);
  // A table of bf16 in which the upper half repeats the lower: the index is the low five bits of a half word, of which
  // the fifth may be anything.
#if defined(FIRSTLIGHT_SIMDE)
  const __m512i low = J == 0 ? words : _mm512_srli_epi32(words, 8 * J);
  const __m512i high = J < 2 ? _mm512_slli_epi32(words, 12 - 8 * J) : _mm512_srli_epi32(words, 8 * J - 12);
  const __m512i index = _mm512_mask_blend_epi16(0xAAAAAAAAU, low, high);
#else
  // Bytes from the bits 8 J and 8 J + 4 on of both words of a quadword, each to the low byte of a half word.
  const __m512i from = _mm512_set1_epi64(0x0024002000040000 + 0x0008000800080008 * J);
  const __m512i index = _mm512_multishift_epi64_epi8(from, words);
#endif
  // bf16 of 1, 0; 3, 2; 5, 4; 7, 6; -7, -8; -5, -6; -3, -4; -1, -2
  const __m512i table =
      _mm512_set_epi32(static_cast<int>(0xBF80C000U), static_cast<int>(0xC040C080U), static_cast<int>(0xC0A0C0C0U),
                       static_cast<int>(0xC0E0C100U), 0x40E040C0, 0x40A04080, 0x40404000, 0x3F800000,
                       static_cast<int>(0xBF80C000U), static_cast<int>(0xC040C080U), static_cast<int>(0xC0A0C0C0U),
                       static_cast<int>(0xC0E0C100U), 0x40E040C0, 0x40A04080, 0x40404000, 0x3F800000);
  return _mm512_permutexvar_epi16(index, table);
}
#if defined(FL_HALVES)
// By way of f16: 2^8 times a code is exact in it, and its bits moved down by three are those of a bf16 whose exponent
// counts from 15 instead of 127.
template <int J>
FL_INLINE Pair codes8_pair(const uint8_t* p) {
  const __m512i each_word = _mm512_set_epi32(12, 8, 4, 0, 12, 8, 4, 0, 12, 8, 4, 0, 12, 8, 4, 0);
  const __m512i to_top = _mm512_add_epi32(_mm512_mullo_epi32(each_word, _mm512_set1_epi32(0x01000100)),
                                          _mm512_set1_epi32(0x01800080 + 0x02000200 * J));
  const __m512i codes = _mm512_shuffle_epi8(_mm512_loadu_si512(p), to_top);
  const __m512i halves = _mm512_castph_si512(_mm512_cvtepi16_ph(codes));
  return _mm512_and_si512(_mm512_srai_epi16(halves, 3), _mm512_set1_epi16(static_cast<short>(0x8FFF)));
}
#elif !defined(FIRSTLIGHT_SIMDE)
// The bytes of bf16 of 0 to 127, low and high, and how those of 64 codes meet: the J-th two of each word.
struct ByteTables {
  alignas(64) uint8_t low[128];
  alignas(64) uint8_t high[128];
  alignas(64) uint8_t join[2][64];
};
constexpr ByteTables kByteTables = [] {
  ByteTables tables{};
  for (int i = 1; i < 128; ++i) {
    int exponent = 0;
    while (i >> exponent > 1) ++exponent;
    const int bits = (127 + exponent) * 128 + (i * (128 >> exponent)) - 128;
    tables.low[i] = static_cast<uint8_t>(bits & 255);
    tables.high[i] = static_cast<uint8_t>(bits >> 8);
  }
  for (int j = 0; j < 2; ++j)
    for (int i = 0; i < 64; ++i) tables.join[j][i] = static_cast<uint8_t>(i / 4 * 4 + 2 * j + i % 4 / 2 + i % 2 * 64);
  return tables;
}();
FL_INLINE __m512i table(const uint8_t* p) { return _mm512_load_si512(p); }
#endif
#if !defined(FL_HALVES)
template <int J>
FL_INLINE Pair codes8_pair(const uint8_t* p) {
#if defined(FIRSTLIGHT_SIMDE)
  const Vec down = set1(0x1p-24F);
  return join(mul(codes<8, 2 * J>(p), down), mul(codes<8, 2 * J + 1>(p), down));
#else
  const ByteTables& tables = kByteTables;
  const __m512i words = _mm512_loadu_si512(p);
  const __m512i magnitudes = _mm512_abs_epi8(words);  // that of -128, which no code is, would be an index of 0
  const __m512i low = _mm512_permutex2var_epi8(table(tables.low), magnitudes, table(tables.low + 64));
  const __m512i magnitude_high = _mm512_permutex2var_epi8(table(tables.high), magnitudes, table(tables.high + 64));
  const __m512i high = _mm512_ternarylogic_epi64(magnitude_high, words, _mm512_set1_epi8(-128), 0xF8);  // a | (b & c)
  return _mm512_permutex2var_epi8(low, table(tables.join[J]), high);
#endif
}
#endif
template <int kBits, int J>
FL_INLINE Pair codes_pair(const uint8_t* p) {
  if constexpr (kBits == 8) return codes8_pair<J>(p);
  if constexpr (kBits == 4) return codes4_pair<J>(p);
  return join(codes<kBits, 2 * J>(p), codes<kBits, 2 * J + 1>(p));
}

// Pairs of bf16 times powers of two, whose exponents stand in the exponents' place of both halves of `shifts`. Zeros
// stay; nothing may leave the range of normal numbers.
FL_INLINE Pair scale_pair(Pair v, uint32_t shifts) {
  return _mm512_maskz_add_epi16(_mm512_test_epi16_mask(v, v), v, _mm512_set1_epi32(static_cast<int>(shifts)));
}
// Such shifts by 2^(E - 127 - less) for 32 inputs.
struct Shifts {
  __m512i v;
};
FL_INLINE Shifts pair_shifts(const uint8_t* exponents, int less) {
  const __m512i powers =
      _mm512_sub_epi16(_mm512_cvtepu8_epi16(load_si256(exponents)), _mm512_set1_epi16(static_cast<short>(127 + less)));
  return {_mm512_slli_epi16(powers, 7)};
}
FL_INLINE void store_shifts(uint32_t* p, Shifts shifts) { _mm512_storeu_si512(p, shifts.v); }
// 32 inputs by such powers; a zero becomes +0, and nothing else may leave the range of normal numbers.
FL_INLINE void store_scaled(uint32_t* out, const uint16_t* x, Shifts shifts) {
  const __m512i v = _mm512_loadu_si512(x);
  const __mmask32 nonzero = _mm512_test_epi16_mask(v, _mm512_set1_epi16(0x7FFF));
  _mm512_storeu_si512(out, _mm512_maskz_add_epi16(nonzero, v, shifts.v));
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
