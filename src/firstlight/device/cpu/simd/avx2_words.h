// Products of integers of 16 bits (words, as the instructions call them) by AVX2, for the arithmetic of
// integer_words.h.
#pragma once

#include "firstlight/device/cpu/simd/avx2_integer.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

constexpr int kWordTileRows = 6;  // 12 sums, 2 of the weights, 2 for the products
constexpr int kWordPanels[] = {0, 4, 2, 1, 1};

// The J-th and the J + kUnit / 2-th code of each packed 32-bit word side by side, 16 bits each.
template <int kBits, int J>
FL_INLINE __m256i code_pairs_half(__m256i packed) {
  if constexpr (kBits * (J + 1) != 16) packed = _mm256_slli_epi16(packed, 16 - kBits * (J + 1));
  return _mm256_srai_epi16(packed, 16 - kBits);
}
template <int kBits, int J>
FL_INLINE Quad code_pairs(const Quad& packed) {
  return {code_pairs_half<kBits, J>(packed.lo), code_pairs_half<kBits, J>(packed.hi)};
}
// sums + a pair of inputs by the pairs of 16 columns. (Added by hand: GCC 12 moves every sum to another register and
// back.)
FL_INLINE Totals pair_step(Totals sums, const Quad& codes, const int16_t* inputs) {
  int32_t two;
  __builtin_memcpy(&two, inputs, sizeof(two));
  const __m256i v = _mm256_set1_epi32(two);
  asm("vpaddd %1, %0, %0" : "+x"(sums.lo) : "x"(_mm256_madd_epi16(v, codes.lo)));
  asm("vpaddd %1, %0, %0" : "+x"(sums.hi) : "x"(_mm256_madd_epi16(v, codes.hi)));
  return sums;
}

// Bytes of 16 inputs in the order of pairs.
template <int kBits>
FL_INLINE __m256i pair_order() {
  if constexpr (kBits == 8) return both_lanes(_mm_setr_epi8(0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15));
  if constexpr (kBits == 4) return both_lanes(_mm_setr_epi8(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15));
  return both_lanes(_mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
}
// -2^(15 - below) of 32 bytes.
template <int kBits>
FL_INLINE void store_word_multipliers(__m256i most, __m256i exponents, int16_t* out) {
  const __m256i high = both_lanes(_mm_setr_epi8(-128, -64, -32, -16, -8, -4, -2, -1, -1, -1, -1, -1, -1, -1, -1, -1));
  const __m256i low = both_lanes(_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, -128, -64, -32, -16, -8, -4, -2, -1));
  __m256i below = _mm256_min_epu8(_mm256_sub_epi8(most, exponents), _mm256_set1_epi8(15));
  // The first and the third eight bytes of the first 32 go low: unpacking puts them side by side.
  below = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(below, pair_order<kBits>()), 0xD8);
  const __m256i low_bytes = _mm256_shuffle_epi8(low, below);
  const __m256i high_bytes = _mm256_shuffle_epi8(high, below);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_unpacklo_epi8(low_bytes, high_bytes));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 16), _mm256_unpackhi_epi8(low_bytes, high_bytes));
}
// For the exponents e of 64 inputs: their maximum m, and -2^(15 - (m - e)), not above -1, of each in the order of
// pairs.
template <int kBits>
FL_INLINE int word_multipliers(const uint8_t* exponents, int16_t* out) {
  const __m256i first = load_ymm(exponents);
  const __m256i second = load_ymm(exponents + 32);
  const __m256i both = _mm256_max_epu8(first, second);
  const int most = most_byte(_mm_max_epu8(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1)));
  const __m256i all = _mm256_set1_epi8(static_cast<char>(most));
  store_word_multipliers<kBits>(all, first, out);
  store_word_multipliers<kBits>(all, second, out + 32);
  return most;
}
// x multiplier / 2^15 to the nearest, halves up, of 64 inputs.
FL_INLINE void scale_words(const int16_t* x, const int16_t* multiplier, int16_t* out) {
  for (int i = 0; i < 64; i += 16)
    _mm256_store_si256(reinterpret_cast<__m256i*>(out + i), multiply_rounded(x + i, multiplier + i));
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
