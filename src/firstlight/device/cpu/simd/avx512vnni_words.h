// Products of integers of 16 bits by AVX-512 VNNI, for the arithmetic of integer_words.h. Same interface as
// avx2_words.h.
#pragma once

#include "firstlight/device/cpu/simd/avx512vnni_integer.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

#if defined(FIRSTLIGHT_SIMDE)
constexpr int kWordTileRows = 3;  // as in avx512.h
constexpr int kWordPanels[] = {0, 2, 1, 1, 1};
#else
constexpr int kWordTileRows = 12;  // two units of latency 5 need 10 chains
constexpr int kWordPanels[] = {0, 4, 4, 4, 4};
#endif

template <int kBits, int J>
FL_INLINE Quad code_pairs(Quad packed) {
  if constexpr (kBits * (J + 1) != 16) packed.v = _mm512_slli_epi16(packed.v, 16 - kBits * (J + 1));
  return {_mm512_srai_epi16(packed.v, 16 - kBits)};
}
template <int kBits>
FL_INLINE Quad offset_codes(const Quad& packed) {
  return {_mm512_xor_si512(packed.v, _mm512_set1_epi32(static_cast<int>(kBits == 4 ? 0x88888888U : 0xAAAAAAAAU)))};
}
template <int kBits, int J>
FL_INLINE Quad offset_pairs(Quad codes) {
  constexpr int kMask = (1 << kBits) - 1;
  if constexpr (J != 0) codes.v = _mm512_srli_epi16(codes.v, kBits * J);
  if constexpr (kBits * (J + 1) != 16) codes.v = _mm512_and_si512(codes.v, _mm512_set1_epi32(kMask << 16 | kMask));
  return codes;
}
FL_INLINE __m512i dot_words(__m512i acc, __m512i a, __m512i b) {
#if defined(FIRSTLIGHT_SIMDE)
  return emulated_dpwssd(acc, a, b);
#else
  return _mm512_dpwssd_epi32(acc, a, b);
#endif
}
// sums + a pair of inputs by the pairs of 16 columns.
FL_INLINE Totals pair_step(Totals sums, const Quad& codes, const int16_t* inputs) {
#if defined(FIRSTLIGHT_SIMDE)
  int32_t two;
  __builtin_memcpy(&two, inputs, sizeof(two));
  return {dot_words(sums.v, codes.v, _mm512_set1_epi32(two))};
#else
  // By hand for the reasons of lane_step.
  asm("vpdpwssd %2%{1to16%}, %1, %0"
      : "+v"(sums.v)
      : "v"(codes.v), "m"(*reinterpret_cast<const int16_t(*)[2]>(inputs)));
  return sums;
#endif
}

// For the exponents e of 64 inputs: their maximum m, and -2^(15 - (m - e)), not above -1, of each.
FL_INLINE int word_multipliers(const uint8_t* exponents, int16_t* out) {
  // Bytes of -2^(15 - below).
  const __m512i high = all_lanes(_mm_setr_epi8(-128, -64, -32, -16, -8, -4, -2, -1, -1, -1, -1, -1, -1, -1, -1, -1));
  const __m512i low = all_lanes(_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, -128, -64, -32, -16, -8, -4, -2, -1));
  const int most = most_of_exponents(exponents);
  const __m512i below = below_most(most, exponents);
  const __m512i low_bytes = _mm512_shuffle_epi8(low, below);
  const __m512i high_bytes = _mm512_shuffle_epi8(high, below);
  const __m512i first = _mm512_unpacklo_epi8(low_bytes, high_bytes);  // the first eight of each sixteen
  const __m512i second = _mm512_unpackhi_epi8(low_bytes, high_bytes);
  const auto join = [&](__m512i halves) { return _mm512_permutex2var_epi64(first, halves, second); };
  _mm512_storeu_si512(out, join(_mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0)));
  _mm512_storeu_si512(out + 32, join(_mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4)));
  return most;
}
FL_INLINE void scale_words(const int16_t* x, const int16_t* multiplier, int16_t* out) {
  for (int i = 0; i < 64; i += 32) _mm512_storeu_si512(out + i, multiply_rounded(x + i, multiplier + i));
}
// The same. Returns `by` times their sum.
FL_INLINE int32_t scale_words(const int16_t* x, const int16_t* multiplier, int16_t* out, int16_t by) {
  scale_words(x, multiplier, out);
  const __m512i factors = _mm512_set1_epi32(static_cast<int>(static_cast<uint16_t>(by) * 0x10001U));
  __m512i sums = dot_words(_mm512_setzero_si512(), _mm512_loadu_si512(out), factors);
  sums = dot_words(sums, _mm512_loadu_si512(out + 32), factors);
  const __m256i eight = _mm256_add_epi32(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64(sums, 1));
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
