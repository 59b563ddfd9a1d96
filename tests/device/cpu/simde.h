// AVX-512 with BF16 and VNNI under SIMDe, with the few intrinsics that its version in Debian 12 lacks written out in
// halves; and tiles of AMX as plain loops. For one source file, before the kernels.
#pragma once

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>
#include <simde/x86/fma.h>
#include <simde/x86/svml.h>

#include <cmath>
#include <cstdint>
#include <cstring>

#define FL_SIMDE_INLINE static inline __attribute__((always_inline))

namespace {

FL_SIMDE_INLINE __m512i join_integers(__m256i lo, __m256i hi) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(lo), hi, 1);
}
FL_SIMDE_INLINE __m512 join_floats(__m256 lo, __m256 hi) {
  return _mm512_castsi512_ps(join_integers(_mm256_castps_si256(lo), _mm256_castps_si256(hi)));
}
FL_SIMDE_INLINE __m256i upper(__m512i v) { return _mm512_extracti64x4_epi64(v, 1); }
FL_SIMDE_INLINE __m128i upper_bytes(__m128i v) { return _mm_unpackhi_epi64(v, v); }

FL_SIMDE_INLINE __m512i emulated_mm512_cvtepu8_epi16(__m256i v) {
  return join_integers(_mm256_cvtepu8_epi16(_mm256_castsi256_si128(v)),
                       _mm256_cvtepu8_epi16(_mm256_extracti128_si256(v, 1)));
}
FL_SIMDE_INLINE __m512i emulated_mm512_cvtepu8_epi32(__m128i v) {
  return join_integers(_mm256_cvtepu8_epi32(v), _mm256_cvtepu8_epi32(upper_bytes(v)));
}
FL_SIMDE_INLINE __m512i emulated_mm512_cvtepu16_epi32(__m256i v) {
  return join_integers(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(v)),
                       _mm256_cvtepu16_epi32(_mm256_extracti128_si256(v, 1)));
}
FL_SIMDE_INLINE __m512 emulated_mm512_cvtepi32_ps(__m512i v) {
  return join_floats(_mm256_cvtepi32_ps(_mm512_castsi512_si256(v)), _mm256_cvtepi32_ps(upper(v)));
}
FL_SIMDE_INLINE __m512i emulated_mm512_cvtps_epi32(__m512 v) {
  const __m512i bits = _mm512_castps_si512(v);
  return join_integers(_mm256_cvtps_epi32(_mm256_castsi256_ps(_mm512_castsi512_si256(bits))),
                       _mm256_cvtps_epi32(_mm256_castsi256_ps(upper(bits))));
}
FL_SIMDE_INLINE __m512 emulated_mm512_cvtph_ps(__m256i v) {
  return join_floats(_mm256_cvtph_ps(_mm256_castsi256_si128(v)), _mm256_cvtph_ps(_mm256_extracti128_si256(v, 1)));
}
// The low halves of 32-bit words.
FL_SIMDE_INLINE __m256i emulated_mm512_cvtepi32_epi16(__m512i v) {
  const __m256i mask = _mm256_set1_epi32(0xFFFF);
  const __m256i packed =
      _mm256_packus_epi32(_mm256_and_si256(_mm512_castsi512_si256(v), mask), _mm256_and_si256(upper(v), mask));
  return _mm256_permute4x64_epi64(packed, 0xD8);
}
// Two products of bf16 added to a float, the second one first (as a Xeon with AVX512-BF16 was seen to do).
FL_SIMDE_INLINE __m512 emulated_dpbf16(__m512 acc, __m512i a, __m512i b) {
  const __m512i high = _mm512_set1_epi32(static_cast<int>(0xFFFF0000U));
  const __m512 first =
      _mm512_mul_ps(_mm512_castsi512_ps(_mm512_slli_epi32(a, 16)), _mm512_castsi512_ps(_mm512_slli_epi32(b, 16)));
  const __m512 second =
      _mm512_mul_ps(_mm512_castsi512_ps(_mm512_and_si512(a, high)), _mm512_castsi512_ps(_mm512_and_si512(b, high)));
  return _mm512_add_ps(_mm512_add_ps(acc, second), first);
}
// Four products of an unsigned and a signed byte added to each word.
FL_SIMDE_INLINE __m256i emulated_dpbusd_half(__m256i acc, __m256i unsigned_bytes, __m256i signed_bytes) {
  const __m256i even = _mm256_set1_epi16(0xFF);
  const __m256i low = _mm256_madd_epi16(_mm256_and_si256(unsigned_bytes, even),
                                        _mm256_srai_epi16(_mm256_slli_epi16(signed_bytes, 8), 8));
  const __m256i high = _mm256_madd_epi16(_mm256_srli_epi16(unsigned_bytes, 8), _mm256_srai_epi16(signed_bytes, 8));
  return _mm256_add_epi32(acc, _mm256_add_epi32(low, high));
}
FL_SIMDE_INLINE __m512i emulated_dpbusd(__m512i acc, __m512i unsigned_bytes, __m512i signed_bytes) {
  return join_integers(emulated_dpbusd_half(_mm512_castsi512_si256(acc), _mm512_castsi512_si256(unsigned_bytes),
                                            _mm512_castsi512_si256(signed_bytes)),
                       emulated_dpbusd_half(upper(acc), upper(unsigned_bytes), upper(signed_bytes)));
}
// Two products of words added to each.
FL_SIMDE_INLINE __m512i emulated_dpwssd(__m512i acc, __m512i a, __m512i b) {
  const auto half = [](__m256i sums, __m256i x, __m256i y) { return _mm256_add_epi32(sums, _mm256_madd_epi16(x, y)); };
  return join_integers(half(_mm512_castsi512_si256(acc), _mm512_castsi512_si256(a), _mm512_castsi512_si256(b)),
                       half(upper(acc), upper(a), upper(b)));
}
FL_SIMDE_INLINE __m256 upper_floats(__m512 v) { return _mm256_castsi256_ps(upper(_mm512_castps_si512(v))); }

// ---- Tiles -------------------------------------------------------------------------------------------------------

struct EmulatedTile {
  unsigned char bytes[16][64];
};
thread_local EmulatedTile emulated_tiles[8];
thread_local int emulated_rows[8];

FL_SIMDE_INLINE void emulated_open_tiles(int rows) {
  for (int tile = 0; tile < 8; ++tile) emulated_rows[tile] = tile < 6 ? rows : 16;
}
FL_SIMDE_INLINE void emulated_zero_tile(int tile) { emulated_tiles[tile] = {}; }
FL_SIMDE_INLINE void emulated_load_tile(int tile, const void* p) {
  std::memcpy(emulated_tiles[tile].bytes, p, 64 * static_cast<std::size_t>(emulated_rows[tile]));
}
FL_SIMDE_INLINE void emulated_load_floats(int tile, const float* p, std::int64_t stride) {
  for (int r = 0; r < emulated_rows[tile]; ++r) std::memcpy(emulated_tiles[tile].bytes[r], p + r * stride, 64);
}
FL_SIMDE_INLINE void emulated_store_floats(int tile, float* p, std::int64_t stride) {
  for (int r = 0; r < emulated_rows[tile]; ++r) std::memcpy(p + r * stride, emulated_tiles[tile].bytes[r], 64);
}
inline float emulated_bf16(const EmulatedTile& tile, int row, int element) {
  std::uint16_t half;
  std::memcpy(&half, tile.bytes[row] + 2 * element, sizeof(half));
  const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}
// TDPBF16PS: even and odd products as two chains from zero, then their sum to the float.
inline void emulated_multiply_tiles(int sum, int a, int b) {
  for (int m = 0; m < emulated_rows[sum]; ++m)
    for (int n = 0; n < 16; ++n) {
      float chains[2] = {0, 0};
      for (int k = 0; k < 32; ++k)
        chains[k % 2] = std::fma(emulated_bf16(emulated_tiles[a], m, k),
                                 emulated_bf16(emulated_tiles[b], k / 2, 2 * n + k % 2), chains[k % 2]);
      float total;
      std::memcpy(&total, emulated_tiles[sum].bytes[m] + 4 * n, sizeof(total));
      total += chains[0] + chains[1];
      std::memcpy(emulated_tiles[sum].bytes[m] + 4 * n, &total, sizeof(total));
    }
}

}  // namespace

// The compiler's header declares the real ones, which it cannot compile for this target.
#define _mm512_cvtepu8_epi16 emulated_mm512_cvtepu8_epi16
#define _mm512_cvtepu8_epi32 emulated_mm512_cvtepu8_epi32
#define _mm512_cvtepu16_epi32 emulated_mm512_cvtepu16_epi32
#define _mm512_cvtepi32_ps emulated_mm512_cvtepi32_ps
#define _mm512_cvtps_epi32 emulated_mm512_cvtps_epi32
#define _mm512_cvtph_ps emulated_mm512_cvtph_ps
#define _mm512_cvtepi32_epi16 emulated_mm512_cvtepi32_epi16
#undef _mm512_extractf32x8_ps
#define _mm512_extractf32x8_ps(v, half) upper_floats(v)

#define FIRSTLIGHT_SIMDE
