// The AVX-512 matrix kernels under SIMDe, with the few intrinsics that its version in Debian 12 lacks written in
// halves.
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>

#define FL_SIMDE_INLINE static inline __attribute__((always_inline))

namespace {

FL_SIMDE_INLINE __m512i join(__m256i lo, __m256i hi) { return _mm512_inserti64x4(_mm512_castsi256_si512(lo), hi, 1); }
FL_SIMDE_INLINE __m256i upper(__m512i v) { return _mm512_extracti64x4_epi64(v, 1); }
FL_SIMDE_INLINE __m256i lower(__m512i v) { return _mm512_castsi512_si256(v); }

FL_SIMDE_INLINE __m512 emulated_mm512_cvtepi32_ps(__m512i v) {
  return _mm512_castsi512_ps(
      join(_mm256_castps_si256(_mm256_cvtepi32_ps(lower(v))), _mm256_castps_si256(_mm256_cvtepi32_ps(upper(v)))));
}
FL_SIMDE_INLINE __m512i emulated_mm512_cvtepi16_epi32(__m256i v) {
  return join(_mm256_cvtepi16_epi32(_mm256_castsi256_si128(v)), _mm256_cvtepi16_epi32(_mm256_extracti128_si256(v, 1)));
}
FL_SIMDE_INLINE __m512i emulated_mm512_cvtepu8_epi32(__m128i v) {
  return join(_mm256_cvtepu8_epi32(v), _mm256_cvtepu8_epi32(_mm_unpackhi_epi64(v, v)));
}
FL_SIMDE_INLINE __m512i emulated_mm512_cvtepu16_epi32(__m256i v) {
  return join(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(v)), _mm256_cvtepu16_epi32(_mm256_extracti128_si256(v, 1)));
}
// The low halves of 32-bit words.
FL_SIMDE_INLINE __m256i emulated_mm512_cvtepi32_epi16(__m512i v) {
  const __m256i mask = _mm256_set1_epi32(0xFFFF);
  const __m256i packed = _mm256_packus_epi32(_mm256_and_si256(lower(v), mask), _mm256_and_si256(upper(v), mask));
  return _mm256_permute4x64_epi64(packed, 0xD8);
}
FL_SIMDE_INLINE __m512i emulated_mm512_srlv_epi32(__m512i v, __m512i n) {
  return join(_mm256_srlv_epi32(lower(v), lower(n)), _mm256_srlv_epi32(upper(v), upper(n)));
}
FL_SIMDE_INLINE __m512i emulated_mm512_srav_epi32(__m512i v, __m512i n) {
  return join(_mm256_srav_epi32(lower(v), lower(n)), _mm256_srav_epi32(upper(v), upper(n)));
}
template <int n>
FL_SIMDE_INLINE __m512i emulated_slli(__m512i v) {
  return join(_mm256_slli_epi32(lower(v), n), _mm256_slli_epi32(upper(v), n));
}
template <int n>
FL_SIMDE_INLINE __m512i emulated_srli(__m512i v) {
  return join(_mm256_srli_epi32(lower(v), n), _mm256_srli_epi32(upper(v), n));
}
template <int n>
FL_SIMDE_INLINE __m512i emulated_srai(__m512i v) {
  return join(_mm256_srai_epi32(lower(v), n), _mm256_srai_epi32(upper(v), n));
}

}  // namespace

// The compiler's header declares the real ones, which it cannot compile for this target.
#undef _mm512_cvtepi32_ps
#undef _mm512_cvtepi16_epi32
#undef _mm512_cvtepu8_epi32
#undef _mm512_cvtepu16_epi32
#undef _mm512_cvtepi32_epi16
#define _mm512_cvtepu8_epi32 emulated_mm512_cvtepu8_epi32
#define _mm512_cvtepu16_epi32 emulated_mm512_cvtepu16_epi32
#define _mm512_cvtepi32_epi16 emulated_mm512_cvtepi32_epi16
#undef _mm512_srlv_epi32
#undef _mm512_srav_epi32
#undef _mm512_slli_epi32
#undef _mm512_srli_epi32
#undef _mm512_srai_epi32
#define _mm512_cvtepi32_ps emulated_mm512_cvtepi32_ps
#define _mm512_cvtepi16_epi32 emulated_mm512_cvtepi16_epi32
#define _mm512_srlv_epi32 emulated_mm512_srlv_epi32
#define _mm512_srav_epi32 emulated_mm512_srav_epi32
#define _mm512_slli_epi32(v, n) emulated_slli<n>(v)
#define _mm512_srli_epi32(v, n) emulated_srli<n>(v)
#define _mm512_srai_epi32(v, n) emulated_srai<n>(v)

#define FIRSTLIGHT_SIMDE
#define FL_ISA avx512_simde
#define FL_ISA_NAME "avx512-simde"
#define FL_TABLE kAvx512SimdeKernels
#include "firstlight/device/tensix/kernels/simd/avx512.h"
//
#include "firstlight/device/tensix/kernels/table.h"
