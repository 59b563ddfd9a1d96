// Products of integers of 16 bits (words, as the instructions call them) by AVX2, for the arithmetic of
// integer_words.h.
#pragma once

#include "firstlight/device/cpu/simd/avx2_integer.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

constexpr int kWordTileRows = 6;  // 12 sums, 2 of the weights, 2 for the products
constexpr int kWordPanels[] = {0, 4, 2, 1, 1};

// The J-th code of either half of each packed 32-bit word, 16 bits each.
template <int kBits, int J>
FL_INLINE __m256i code_pairs_half(__m256i packed) {
  if constexpr (kBits * (J + 1) != 16) packed = _mm256_slli_epi16(packed, 16 - kBits * (J + 1));
  return _mm256_srai_epi16(packed, 16 - kBits);
}
template <int kBits, int J>
FL_INLINE Quad code_pairs(const Quad& packed) {
  return {code_pairs_half<kBits, J>(packed.lo), code_pairs_half<kBits, J>(packed.hi)};
}

// The same for codes of fewer bits than 8 in fewer shifts, of which Zen 1 makes half as many as of other instructions:
// they count from their least, 2^(kBits - 1) below 0.
template <int kBits>
FL_INLINE Quad offset_codes(const Quad& packed) {
  const __m256i signs = _mm256_set1_epi8(static_cast<char>(kBits == 4 ? 0x88 : 0xAA));
  return {_mm256_xor_si256(packed.lo, signs), _mm256_xor_si256(packed.hi, signs)};
}
template <int kBits, int J>
FL_INLINE __m256i offset_pairs_half(__m256i codes) {
  if constexpr (J != 0) codes = _mm256_srli_epi16(codes, kBits * J);
  if constexpr (kBits * (J + 1) != 16) codes = _mm256_and_si256(codes, _mm256_set1_epi16((1 << kBits) - 1));
  return codes;
}
template <int kBits, int J>
FL_INLINE Quad offset_pairs(const Quad& codes) {
  return {offset_pairs_half<kBits, J>(codes.lo), offset_pairs_half<kBits, J>(codes.hi)};
}
FL_INLINE Totals all_totals(int32_t sum) { return {_mm256_set1_epi32(sum), _mm256_set1_epi32(sum)}; }
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

// -2^(15 - below) of 32 bytes.
FL_INLINE void store_word_multipliers(__m256i most, __m256i exponents, int16_t* out) {
  const __m256i high = both_lanes(_mm_setr_epi8(-128, -64, -32, -16, -8, -4, -2, -1, -1, -1, -1, -1, -1, -1, -1, -1));
  const __m256i low = both_lanes(_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, -128, -64, -32, -16, -8, -4, -2, -1));
  const __m256i below = _mm256_min_epu8(_mm256_sub_epi8(most, exponents), _mm256_set1_epi8(15));
  const __m256i low_bytes = _mm256_shuffle_epi8(low, below);
  const __m256i high_bytes = _mm256_shuffle_epi8(high, below);
  const __m256i first = _mm256_unpacklo_epi8(low_bytes, high_bytes);  // 0 to 7 and 16 to 23
  const __m256i second = _mm256_unpackhi_epi8(low_bytes, high_bytes);
  const auto store = [](int16_t* p, __m128i v) { _mm_store_si128(reinterpret_cast<__m128i*>(p), v); };
  store(out, _mm256_castsi256_si128(first));
  store(out + 8, _mm256_castsi256_si128(second));
  store(out + 16, _mm256_extracti128_si256(first, 1));
  store(out + 24, _mm256_extracti128_si256(second, 1));
}
// For the exponents e of 64 inputs: their maximum m, and -2^(15 - (m - e)), not above -1, of each.
FL_INLINE int word_multipliers(const uint8_t* exponents, int16_t* out) {
  const __m256i first = load_ymm(exponents);
  const __m256i second = load_ymm(exponents + 32);
  const __m256i most = most_byte(first, second);
  store_word_multipliers(most, first, out);
  store_word_multipliers(most, second, out + 32);
  return first_byte(most);
}
// x multiplier / 2^15 to the nearest, halves up, of 64 inputs.
FL_INLINE void scale_words(const int16_t* x, const int16_t* multiplier, int16_t* out) {
  for (int i = 0; i < 64; i += 16)
    _mm256_store_si256(reinterpret_cast<__m256i*>(out + i), multiply_rounded(x + i, multiplier + i));
}
// The same. Returns `by` times their sum.
FL_INLINE int32_t scale_words(const int16_t* x, const int16_t* multiplier, int16_t* out, int16_t by) {
  __m256i sums = _mm256_setzero_si256();
  for (int i = 0; i < 64; i += 16) {
    const __m256i v = multiply_rounded(x + i, multiplier + i);
    _mm256_store_si256(reinterpret_cast<__m256i*>(out + i), v);
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(v, _mm256_set1_epi16(by)));
  }
  return sum_of(sums);
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
