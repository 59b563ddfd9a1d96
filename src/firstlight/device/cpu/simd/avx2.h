// Sixteen float lanes as two AVX2 registers (with FMA and F16C). Same interface as portable.h, where it is described.
#pragma once

#include <immintrin.h>
#include <stdint.h>

#include "firstlight/device/cpu/kernels.h"

#define FL_INLINE static inline __attribute__((always_inline))

namespace firstlight::device::cpu::FL_ISA {
namespace {

struct Vec {
  __m256 lo;
  __m256 hi;
};
using Bytes = __m128i;

// 16 registers: 12 accumulators, 2 of the weights, 1 broadcast. Two FMA ports of latency 4 need 8 chains.
constexpr int kDirectPanels[] = {0, 4, 2, 2, 1};
constexpr int kScaledPanels[] = {0, 4, 2, 2, 1};  // of formats with exponents
struct Block {
  int rows;
  int panels;
};
constexpr Block kBlocks[] = {{6, 1}, {3, 2}, {1, 4}};
constexpr int kTileRows = 6;
constexpr int kTilePanels = 1;

FL_INLINE Vec set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
FL_INLINE Vec zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
FL_INLINE Vec load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
FL_INLINE void store(float* p, Vec v) {
  _mm256_storeu_ps(p, v.lo);
  _mm256_storeu_ps(p + 8, v.hi);
}
FL_INLINE Vec add(Vec a, Vec b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }
FL_INLINE Vec sub(Vec a, Vec b) { return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)}; }
FL_INLINE Vec mul(Vec a, Vec b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
FL_INLINE Vec div(Vec a, Vec b) { return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)}; }
FL_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
FL_INLINE Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
FL_INLINE Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)}; }
FL_INLINE Vec sqrt(Vec v) { return {_mm256_sqrt_ps(v.lo), _mm256_sqrt_ps(v.hi)}; }
FL_INLINE Vec select_less(Vec a, Vec b, Vec x, Vec y) {
  return {_mm256_blendv_ps(y.lo, x.lo, _mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ)),
          _mm256_blendv_ps(y.hi, x.hi, _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ))};
}
FL_INLINE Vec abs(Vec v) {
  const __m256 sign = _mm256_set1_ps(-0.0F);
  return {_mm256_andnot_ps(sign, v.lo), _mm256_andnot_ps(sign, v.hi)};
}
FL_INLINE Vec copy_sign(Vec v, Vec s) {
  const __m256 sign = _mm256_set1_ps(-0.0F);
  return {_mm256_or_ps(_mm256_andnot_ps(sign, v.lo), _mm256_and_ps(sign, s.lo)),
          _mm256_or_ps(_mm256_andnot_ps(sign, v.hi), _mm256_and_ps(sign, s.hi))};
}
FL_INLINE __m256 shift23(__m256 v) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(v), 23)); }
FL_INLINE Vec shift_to_exponent(Vec v) { return {shift23(v.lo), shift23(v.hi)}; }

FL_INLINE __m256 low_half(Vec v) { return v.lo; }
FL_INLINE __m256 high_half(Vec v) { return v.hi; }
FL_INLINE Vec join_halves(__m256 lo, __m256 hi) { return {lo, hi}; }

FL_INLINE __m128i load_si128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
FL_INLINE __m256 widen_bf16(__m128i half) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}
FL_INLINE Vec load_bf16(const uint16_t* p) { return {widen_bf16(load_si128(p)), widen_bf16(load_si128(p + 8))}; }
FL_INLINE __m256i round_bf16(__m256 v) {
  const __m256i bits = _mm256_castps_si256(v);
  const __m256i high = _mm256_srli_epi32(bits, 16);
  const __m256i bias = _mm256_add_epi32(_mm256_and_si256(high, _mm256_set1_epi32(1)), _mm256_set1_epi32(0x7FFF));
  const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, bias), 16);
  const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  return _mm256_blendv_epi8(rounded, _mm256_set1_epi32(0x7FC0), is_nan);
}
FL_INLINE void store_bf16(uint16_t* p, Vec v) {
  const __m256i packed = _mm256_packus_epi32(round_bf16(v.lo), round_bf16(v.hi));  // 128-bit lanes: lo0 hi0 lo1 hi1
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(packed, 0xD8));
}
FL_INLINE Vec load_f16(const uint16_t* p) {
  return {_mm256_cvtph_ps(load_si128(p)), _mm256_cvtph_ps(load_si128(p + 8))};
}

FL_INLINE Bytes load_bytes(const uint8_t* p) { return load_si128(p); }
FL_INLINE __m128i high_half(__m128i b) { return _mm_unpackhi_epi64(b, b); }
FL_INLINE Bytes all_ones() { return _mm_set1_epi8(-1); }
FL_INLINE Bytes no_bytes() { return _mm_setzero_si128(); }
FL_INLINE Bytes min_bytes(Bytes a, Bytes b) { return _mm_min_epu8(a, b); }
FL_INLINE Bytes max_bytes(Bytes a, Bytes b) { return _mm_max_epu8(a, b); }
FL_INLINE bool any_below(Bytes bytes, int limit) {
  return _mm_movemask_epi8(_mm_cmpeq_epi8(min_bytes(bytes, _mm_set1_epi8(static_cast<char>(limit - 1))), bytes)) != 0;
}

// A code is moved to the top of its word: fewer steps than bringing it down.
template <int kBits>
constexpr float kCodes = kBits == 8   ? 0x1p-24F
                         : kBits == 4 ? 0x1p-28F
                                      : 0x1p-30F;
template <int kBits, int J>
FL_INLINE __m256 codes_half(const uint8_t* p) {
  __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  if constexpr (kBits == 8) {
    constexpr int kByte = code_shift(8, J) / 8;
    const __m256i to_top =
        _mm256_set_epi32(12 + kByte, 8 + kByte, 4 + kByte, kByte, 12 + kByte, 8 + kByte, 4 + kByte, kByte);
    const __m256i rest_zero = _mm256_set1_epi32(static_cast<int>(0x00808080U));
    const __m256i order = _mm256_or_si256(_mm256_slli_epi32(to_top, 24), rest_zero);
    return _mm256_cvtepi32_ps(_mm256_shuffle_epi8(words, order));
  }
  constexpr int kAbove = 32 - kBits - code_shift(kBits, J);
  if constexpr (kAbove != 0) words = _mm256_slli_epi32(words, kAbove);
  if constexpr (code_shift(kBits, J) != 0) words = _mm256_and_si256(words, _mm256_set1_epi32(INT32_MIN >> (kBits - 1)));
  return _mm256_cvtepi32_ps(words);
}
template <int kBits, int J>
FL_INLINE Vec codes(const uint8_t* p) {
  return {codes_half<kBits, J>(p), codes_half<kBits, J>(p + 32)};
}
template <int J>
FL_INLINE __m256 pair_lanes8(const uint8_t* p) {
  const __m256i words = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return _mm256_castsi256_ps(J == 0 ? _mm256_slli_epi32(words, 16)
                                    : _mm256_and_si256(words, _mm256_set1_epi32(INT32_MIN >> 15)));
}
template <int J>
FL_INLINE Vec pair_lanes(const uint8_t* p) {
  return {pair_lanes8<J>(p), pair_lanes8<J>(p + 32)};
}
FL_INLINE __m256 exponents8(__m128i b) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu8_epi32(b), 23)); }
FL_INLINE Vec exponents(Bytes b) { return {exponents8(b), exponents8(high_half(b))}; }
FL_INLINE __m256 sign_magnitude8(__m128i b) {
  const __m256i bits = _mm256_cvtepu8_epi32(b);
  const __m256 magnitude = _mm256_cvtepi32_ps(_mm256_and_si256(bits, _mm256_set1_epi32(0x7F)));
  const __m256i sign = _mm256_slli_epi32(_mm256_and_si256(bits, _mm256_set1_epi32(0x80)), 24);
  return _mm256_or_ps(magnitude, _mm256_castsi256_ps(sign));
}
FL_INLINE Vec sign_magnitude(Bytes b) { return {sign_magnitude8(b), sign_magnitude8(high_half(b))}; }

FL_INLINE float sum(Vec v) {
  const __m256 eight = _mm256_add_ps(v.lo, v.hi);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
FL_INLINE float max_lane(Vec v) {
  const __m256 eight = _mm256_max_ps(v.lo, v.hi);
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

#include "firstlight/device/cpu/simd/transpose.inc"

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
