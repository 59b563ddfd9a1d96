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

#include "firstlight/device/cpu/simd/avx512bf16_codes.h"
