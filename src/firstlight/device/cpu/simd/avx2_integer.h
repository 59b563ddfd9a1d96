// Products of integers by AVX2. Same interface as portable_integer.h.
#pragma once

#if !defined(FIRSTLIGHT_SIMDE)
#include <immintrin.h>
#endif

#include "firstlight/device/cpu/kernels.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

constexpr int kMultiplierLanes = 2;
constexpr int kIntegerTileRows = 4;
constexpr int kIntegerPanels[] = {0, 4, 2, 2, 1};
// Unsigned codes of at most 15 times inputs of at most 128, two at a time: eight such sums fit in 16 bits.
template <int kBits>
constexpr int kFoldQuads = kBits == 8 ? 16 : 8;

struct Quad {
  __m256i lo;  // columns 0 to 7
  __m256i hi;
};
struct Totals {
  __m256i lo;
  __m256i hi;
};
template <int kBits>
using Sums = Totals;  // of 32 bits where codes have 8, else pairs of 16 bits

FL_INLINE __m256i load_ymm(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
FL_INLINE Quad load_quad(const uint8_t* p) { return {load_ymm(p), load_ymm(p + 32)}; }
FL_INLINE void store_quad(uint8_t* p, Quad quad) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), quad.lo);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 32), quad.hi);
}
FL_INLINE __m256i both_lanes(__m128i v) { return _mm256_broadcastsi128_si256(v); }

template <int kBits, int J>
FL_INLINE __m256i field_half(__m256i packed) {
  if constexpr (kBits == 8) return packed;
  const __m256i offset = _mm256_xor_si256(packed, _mm256_set1_epi8(static_cast<char>(kBits == 4 ? 0x88 : 0xAA)));
  return _mm256_and_si256(J == 0 ? offset : _mm256_srli_epi16(offset, kBits * J),
                          _mm256_set1_epi32(kBits == 4 ? 0x0F0F0F0F : 0x03030303));
}
template <int kBits, int J>
FL_INLINE Quad field(Quad packed) {
  return {field_half<kBits, J>(packed.lo), field_half<kBits, J>(packed.hi)};
}

FL_INLINE Totals no_totals() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
template <int kBits>
FL_INLINE Totals no_sums() {
  return no_totals();
}
FL_INLINE __m256i add_pairs(__m256i words) { return _mm256_madd_epi16(words, _mm256_set1_epi16(1)); }
// |code| times the input with the code's sign: 127 x 127 twice fits in 16 bits.
FL_INLINE __m256i signed_products(__m256i codes, __m256i inputs) {
  return add_pairs(_mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(inputs, codes)));
}
// Sums of integers may be taken in any order, and a compiler that does so keeps more of them than there are registers.
FL_INLINE Totals in_order(Totals totals) {
  asm("" : "+x"(totals.lo), "+x"(totals.hi));
  return totals;
}
template <int kBits>
FL_INLINE Totals step(Totals sums, const Quad& quad, const int8_t* inputs) {
  int32_t four;
  __builtin_memcpy(&four, inputs, sizeof(four));
  const __m256i v = _mm256_set1_epi32(four);
  if constexpr (kBits == 8)
    return in_order({_mm256_add_epi32(sums.lo, signed_products(quad.lo, v)),
                     _mm256_add_epi32(sums.hi, signed_products(quad.hi, v))});
  return in_order({_mm256_add_epi16(sums.lo, _mm256_maddubs_epi16(quad.lo, v)),
                   _mm256_add_epi16(sums.hi, _mm256_maddubs_epi16(quad.hi, v))});
}
template <int kBits>
FL_INLINE Totals fold(Totals totals, Totals sums) {
  if constexpr (kBits != 8) sums = {add_pairs(sums.lo), add_pairs(sums.hi)};
  return {_mm256_add_epi32(totals.lo, sums.lo), _mm256_add_epi32(totals.hi, sums.hi)};
}
template <int kBits>
FL_INLINE Totals add_codes(Totals codes, const Quad&) {
  return codes;
}
template <int kBits>
FL_INLINE Totals corrected(Totals totals, Totals, int32_t sum_of_inputs) {
  if constexpr (kBits == 8) return totals;
  const __m256i offset = _mm256_set1_epi32(sum_of_inputs * (1 << (kBits - 1)));
  return {_mm256_sub_epi32(totals.lo, offset), _mm256_sub_epi32(totals.hi, offset)};
}
FL_INLINE Vec to_floats(Totals totals) {
  return join_halves(_mm256_cvtepi32_ps(totals.lo), _mm256_cvtepi32_ps(totals.hi));
}

// The largest of 64 bytes, in all.
FL_INLINE __m256i most_byte(__m256i first, __m256i second) {
  const __m256i both = _mm256_max_epu8(first, second);
  const __m128i ones = _mm_set1_epi8(-1);
  const __m128i rest =
      _mm_xor_si128(_mm_max_epu8(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1)), ones);
  const __m128i least = _mm_minpos_epu16(_mm_min_epu8(rest, _mm_srli_epi16(rest, 8)));
  return _mm256_broadcastb_epi8(_mm_xor_si128(least, ones));
}
FL_INLINE int first_byte(__m256i bytes) { return _mm_cvtsi128_si32(_mm256_castsi256_si128(bytes)) & 0xFF; }
// 2^(7 - below) of bytes, two results of 16 bits each.
FL_INLINE void store_multipliers(__m256i most, __m256i exponents, int16_t* out) {
  const __m256i table =
      both_lanes(_mm_setr_epi8(static_cast<char>(128), 64, 32, 16, 8, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0));
  const __m256i below = _mm256_min_epu8(_mm256_sub_epi8(most, exponents), _mm256_set1_epi8(15));
  const __m256i bytes = _mm256_shuffle_epi8(table, below);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_unpacklo_epi8(bytes, _mm256_setzero_si256()));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 16), _mm256_unpackhi_epi8(bytes, _mm256_setzero_si256()));
}
FL_INLINE int multipliers(const uint8_t* exponents, int16_t* out) {
  const __m256i first = load_ymm(exponents);
  const __m256i second = load_ymm(exponents + 32);
  const __m256i most = most_byte(first, second);
  store_multipliers(most, first, out);
  store_multipliers(most, second, out + 32);
  return first_byte(most);
}

template <int kBits>
FL_INLINE __m256i input_order() {
  if constexpr (kBits == 8) return both_lanes(_mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15));
  return both_lanes(kBits == 4 ? _mm_setr_epi8(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15)
                               : _mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
}
FL_INLINE __m256i multiply_rounded(const int16_t* x, const int16_t* multiplier) {
  return _mm256_mulhrs_epi16(load_ymm(x), load_ymm(multiplier));
}
FL_INLINE int32_t sum_of(__m256i eight) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}
template <int kBits>
FL_INLINE int32_t inputs(const int16_t* x, const int16_t* multiplier, int8_t* out) {
  __m256i sums = _mm256_setzero_si256();
  for (int i = 0; i < 64; i += 32) {
    __m256i v =
        _mm256_packs_epi16(multiply_rounded(x + i, multiplier + i), multiply_rounded(x + i + 16, multiplier + i + 16));
    if constexpr (kBits != 8) sums = _mm256_add_epi16(sums, _mm256_maddubs_epi16(_mm256_set1_epi8(1), v));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm256_shuffle_epi8(v, input_order<kBits>()));
  }
  return kBits == 8 ? 0 : sum_of(add_pairs(sums));
}
FL_INLINE void store_int16(int16_t* low, int16_t* high, Vec v) {
  const __m256i words = _mm256_permute4x64_epi64(
      _mm256_packs_epi32(_mm256_cvtps_epi32(low_half(v)), _mm256_cvtps_epi32(high_half(v))), 0xD8);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(low), _mm256_castsi256_si128(words));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(high), _mm256_extracti128_si256(words, 1));
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
