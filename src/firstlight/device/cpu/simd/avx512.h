// Sixteen float lanes as one AVX-512 register (F, BW, DQ, VL). Same interface as portable.h, where it is described.
// A test compiles this text against SIMDe's emulation (FIRSTLIGHT_SIMDE), so the intrinsics used are few and plain.
#pragma once

#if !defined(FIRSTLIGHT_SIMDE)
#include <immintrin.h>
#endif
#include <stdint.h>

#include "firstlight/device/cpu/kernels.h"

#if defined(FIRSTLIGHT_SIMDE)
#define FL_INLINE static inline  // emulated instructions are too many lines to inline in a reasonable time
#else
#define FL_INLINE static inline __attribute__((always_inline))
#endif

namespace firstlight::device::cpu::FL_ISA {
namespace {

struct Vec {
  __m512 v;
};
using Bytes = __m128i;

struct Block {
  int rows;
  int panels;
};
#if defined(FIRSTLIGHT_SIMDE)
// Bits are the same in blocks of any size, and a compiler takes minutes for emulated ones of these.
constexpr int kDirectPanels[] = {0, 2, 1, 1, 1};
constexpr int kScaledPanels[] = {0, 2, 1, 1, 1};
constexpr Block kBlocks[] = {{2, 2}, {1, 2}};
constexpr int kTileRows = 3;
#else
// 32 registers: up to 24 accumulators; broadcasts come as memory operands.
constexpr int kDirectPanels[] = {0, 4, 4, 4, 4};
constexpr int kScaledPanels[] = {0, 4, 4, 4, 4};
constexpr Block kBlocks[] = {{12, 2}, {6, 4}, {3, 4}, {1, 8}};
constexpr int kTileRows = 12;
#endif
constexpr int kTilePanels = 2;

FL_INLINE Vec set1(float x) { return {_mm512_set1_ps(x)}; }
FL_INLINE Vec zero() { return {_mm512_setzero_ps()}; }
FL_INLINE Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
FL_INLINE void store(float* p, Vec v) { _mm512_storeu_ps(p, v.v); }
FL_INLINE Vec add(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
FL_INLINE Vec sub(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
FL_INLINE Vec mul(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
FL_INLINE Vec div(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
FL_INLINE Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
FL_INLINE Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
FL_INLINE Vec min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
FL_INLINE Vec sqrt(Vec v) { return {_mm512_sqrt_ps(v.v)}; }
FL_INLINE Vec select_less(Vec a, Vec b, Vec x, Vec y) {
  return {_mm512_mask_mov_ps(y.v, _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), x.v)};
}
FL_INLINE Vec abs(Vec v) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.0F), v.v)}; }
FL_INLINE Vec copy_sign(Vec v, Vec s) { return {_mm512_or_ps(abs(v).v, _mm512_and_ps(_mm512_set1_ps(-0.0F), s.v))}; }
FL_INLINE Vec shift_to_exponent(Vec v) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(v.v), 23))};
}

#if !defined(FIRSTLIGHT_SIMDE)
#define FL_TIMES_POWER
FL_INLINE Vec times_power(Vec y, Vec n) { return {_mm512_scalef_ps(y.v, n.v)}; }
#define FL_POWER_OR_ZERO
FL_INLINE Vec power_or_zero(Vec x, Vec y, Vec n) {
  return {_mm512_maskz_scalef_ps(_mm512_cmp_ps_mask(x.v, _mm512_set1_ps(-126.0F), _CMP_NLT_UQ), y.v, n.v)};
}
#endif

FL_INLINE __m256i load_si256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
FL_INLINE Vec load_bf16(const uint16_t* p) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_si256(p)), 16))};
}
FL_INLINE void store_bf16(uint16_t* p, Vec v) {
  const __m512i bits = _mm512_castps_si512(v.v);
  const __m512i high = _mm512_srli_epi32(bits, 16);
  const __m512i bias = _mm512_add_epi32(_mm512_and_epi32(high, _mm512_set1_epi32(1)), _mm512_set1_epi32(0x7FFF));
  const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, bias), 16);
  const __mmask16 is_nan = _mm512_cmp_ps_mask(v.v, v.v, _CMP_UNORD_Q);
  const __m512i words = _mm512_mask_mov_epi32(rounded, is_nan, _mm512_set1_epi32(0x7FC0));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(words));
}
FL_INLINE Vec load_f16(const uint16_t* p) { return {_mm512_cvtph_ps(load_si256(p))}; }

FL_INLINE Bytes load_bytes(const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
FL_INLINE Bytes all_ones() { return _mm_set1_epi8(-1); }
FL_INLINE Bytes no_bytes() { return _mm_setzero_si128(); }
FL_INLINE Bytes min_bytes(Bytes a, Bytes b) { return _mm_min_epu8(a, b); }
FL_INLINE Bytes max_bytes(Bytes a, Bytes b) { return _mm_max_epu8(a, b); }
FL_INLINE bool any_below(Bytes bytes, int limit) {
  return _mm_movemask_epi8(_mm_cmpeq_epi8(min_bytes(bytes, _mm_set1_epi8(static_cast<char>(limit - 1))), bytes)) != 0;
}

// Four bits are looked up, their word's low bits being the index; others are moved to the top of their word.
template <int kBits>
constexpr float kCodes = kBits == 8   ? 0x1p-24F
                         : kBits == 4 ? 1
                                      : 0x1p-30F;
template <int kBits, int J>
FL_INLINE Vec codes(const uint8_t* p) {
  const __m512i words = _mm512_loadu_si512(p);
  if constexpr (kBits == 8) {
    const __m512i each_word = _mm512_set_epi32(12, 8, 4, 0, 12, 8, 4, 0, 12, 8, 4, 0, 12, 8, 4, 0);
    const __m512i to_top = _mm512_add_epi32(each_word, _mm512_set1_epi32(code_shift(8, J) / 8));
    const __m512i rest_zero = _mm512_set1_epi32(static_cast<int>(0x00808080U));
    return {_mm512_cvtepi32_ps(_mm512_shuffle_epi8(words, _mm512_or_si512(_mm512_slli_epi32(to_top, 24), rest_zero)))};
  }
  if constexpr (kBits == 4) {
    const __m512 table = _mm512_set_ps(-1, -2, -3, -4, -5, -6, -7, -8, 7, 6, 5, 4, 3, 2, 1, 0);
    return {_mm512_permutexvar_ps(J == 0 ? words : _mm512_srli_epi32(words, code_shift(4, J)), table)};
  }
  constexpr int kAbove = 32 - kBits - code_shift(kBits, J);
  const __m512i top = kAbove == 0 ? words : _mm512_slli_epi32(words, kAbove);
  return {_mm512_cvtepi32_ps(J == 0 ? top : _mm512_and_epi32(top, _mm512_set1_epi32(INT32_MIN >> (kBits - 1))))};
}
template <int J>
FL_INLINE Vec pair_lanes(const uint8_t* p) {
  const __m512i words = _mm512_loadu_si512(p);
  return {_mm512_castsi512_ps(J == 0 ? _mm512_slli_epi32(words, 16)
                                     : _mm512_and_epi32(words, _mm512_set1_epi32(INT32_MIN >> 15)))};
}
FL_INLINE Vec exponents(Bytes b) { return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu8_epi32(b), 23))}; }
FL_INLINE Vec sign_magnitude(Bytes b) {
  const __m512i bits = _mm512_cvtepu8_epi32(b);
  const __m512 magnitude = _mm512_cvtepi32_ps(_mm512_and_epi32(bits, _mm512_set1_epi32(0x7F)));
  const __m512i sign = _mm512_slli_epi32(_mm512_and_epi32(bits, _mm512_set1_epi32(0x80)), 24);
  return {_mm512_or_ps(magnitude, _mm512_castsi512_ps(sign))};
}

FL_INLINE __m256 low_half(Vec v) { return _mm512_castps512_ps256(v.v); }
FL_INLINE __m256 high_half(Vec v) { return _mm512_extractf32x8_ps(v.v, 1); }
FL_INLINE Vec join_halves(__m256 lo, __m256 hi) { return {_mm512_insertf32x8(_mm512_castps256_ps512(lo), hi, 1)}; }
FL_INLINE float sum(Vec v) {
  const __m256 eight = _mm256_add_ps(low_half(v), high_half(v));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
FL_INLINE float max_lane(Vec v) {
  const __m256 eight = _mm256_max_ps(low_half(v), high_half(v));
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

#include "firstlight/device/cpu/simd/transpose.inc"

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
