// AVX-512 with BF16 and VBMI: what avx512.h has, and products of two bf16 by two bf16 in each lane.
#pragma once

#include "firstlight/device/cpu/simd/avx512.h"

#define FL_PAIRS

namespace firstlight::device::cpu::FL_ISA {
namespace {

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
// The J-th two codes of each of 16 words. A table of bf16 in which the upper half repeats the lower: the index is the
// low five bits of a half word, of which the fifth may be anything.
template <int J>
FL_INLINE Pair codes4_pair(const uint8_t* p) {
  const __m512i words = _mm512_loadu_si512(p);
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

// Pairs of bf16 times powers of two, whose exponents stand in the exponents' place of both halves of `shifts`. Zeros
// stay; nothing may leave the range of normal numbers.
FL_INLINE Pair scale_pair(Pair v, uint32_t shifts) {
  return _mm512_maskz_add_epi16(_mm512_test_epi16_mask(v, v), v, _mm512_set1_epi32(static_cast<int>(shifts)));
}
// Such shifts by 2^(E - 127 - less) for 16 inputs.
struct Shifts {
  __m256i v;
};
FL_INLINE Shifts pair_shifts(Bytes group_exponents, int less) {
  const __m256i powers =
      _mm256_sub_epi16(_mm256_cvtepu8_epi16(group_exponents), _mm256_set1_epi16(static_cast<short>(127 + less)));
  return {_mm256_slli_epi16(powers, 7)};
}
FL_INLINE void store_shifts(uint32_t* p, Shifts shifts) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), shifts.v);
}
// 16 inputs by such powers; zeros of either sign stay, and nothing else may leave the range of normal numbers.
FL_INLINE void store_scaled(uint32_t* out, const uint16_t* x, Shifts shifts) {
  const __m256i v = load_si256(x);
  const __m256i is_zero = _mm256_cmpeq_epi16(_mm256_slli_epi16(v, 1), _mm256_setzero_si256());
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_add_epi16(v, _mm256_andnot_si256(is_zero, shifts.v)));
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
