// Sixteen lanes of 32 bits as one AVX-512 register (F, BW, DQ, VL). Same interface as portable.h, where it is
// described. A test compiles this text against SIMDe's emulation (FIRSTLIGHT_SIMDE), so the intrinsics used are few and
// plain.
#pragma once

#if !defined(FIRSTLIGHT_SIMDE)
#include <immintrin.h>
#endif
#include <stdint.h>

#define FL_INLINE static inline __attribute__((always_inline))

namespace firstlight::device::tensix::FL_ISA {
namespace {

constexpr int kLanes = 16;
constexpr int kRowBlock = 8;  // 8 accumulators of latency 4 on two ports
struct F {
  __m512 v;
};
struct I {
  __m512i v;
};
struct S {  // sixteen lanes of 16 bits
  __m256i v;
};

FL_INLINE F load(const float* p) { return {_mm512_loadu_ps(p)}; }
FL_INLINE F broadcast(const float* p) { return {_mm512_set1_ps(*p)}; }
FL_INLINE F fma(F a, F b, F c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
FL_INLINE void store(float* p, F x) { _mm512_storeu_ps(p, x.v); }
FL_INLINE F add(F a, F b) { return {_mm512_add_ps(a.v, b.v)}; }
FL_INLINE F sub(F a, F b) { return {_mm512_sub_ps(a.v, b.v)}; }
FL_INLINE F mul(F a, F b) { return {_mm512_mul_ps(a.v, b.v)}; }
FL_INLINE F set(float x) { return {_mm512_set1_ps(x)}; }
FL_INLINE I bits(F x) { return {_mm512_castps_si512(x.v)}; }
FL_INLINE F floats(I x) { return {_mm512_castsi512_ps(x.v)}; }
FL_INLINE F to_float(I x) { return {_mm512_cvtepi32_ps(x.v)}; }

FL_INLINE I set(int32_t x) { return {_mm512_set1_epi32(x)}; }
FL_INLINE I load_words(const uint32_t* p) { return {_mm512_loadu_si512(p)}; }
FL_INLINE void store_words(uint32_t* p, I x) { _mm512_storeu_si512(p, x.v); }
FL_INLINE I widen(const int16_t* p) {
  return {_mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
FL_INLINE I widen_bytes(const uint8_t* p) {
  return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
FL_INLINE I widen_halves(const uint8_t* p) {
  return {_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
FL_INLINE void store_narrow(int16_t* p, I x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(x.v));
}
FL_INLINE I add(I a, I b) { return {_mm512_add_epi32(a.v, b.v)}; }
FL_INLINE I sub(I a, I b) { return {_mm512_sub_epi32(a.v, b.v)}; }
FL_INLINE I max(I a, I b) { return {_mm512_max_epi32(a.v, b.v)}; }
FL_INLINE I both(I a, I b) { return {_mm512_and_epi32(a.v, b.v)}; }
FL_INLINE I either(I a, I b) { return {_mm512_or_epi32(a.v, b.v)}; }
FL_INLINE I abs(I x) { return {_mm512_abs_epi32(x.v)}; }
template <int n>
FL_INLINE I shl(I x) {
  return {_mm512_slli_epi32(x.v, n)};
}
template <int n>
FL_INLINE I shr(I x) {
  return {_mm512_srli_epi32(x.v, n)};
}
template <int n>
FL_INLINE I sar(I x) {
  return {_mm512_srai_epi32(x.v, n)};
}
FL_INLINE I shr(I x, I n) { return {_mm512_srlv_epi32(x.v, n.v)}; }
FL_INLINE I sar(I x, I n) { return {_mm512_srav_epi32(x.v, n.v)}; }
FL_INLINE I keep_greater(I x, I a, I b) {
  return {_mm512_mask_mov_epi32(_mm512_setzero_si512(), _mm512_cmpgt_epi32_mask(a.v, b.v), x.v)};
}
FL_INLINE I minus_one_greater(I a, I b) { return keep_greater(set(-1), a, b); }
FL_INLINE I minus_one_equal(I a, I b) {
  return {_mm512_mask_mov_epi32(_mm512_setzero_si512(), _mm512_cmpeq_epi32_mask(a.v, b.v), set(-1).v)};
}
FL_INLINE I times_sign(I x, I s) {
  const __m512i zero = _mm512_setzero_si512();
  const I positive = keep_greater(x, s, {zero});
  return {_mm512_mask_mov_epi32(positive.v, _mm512_cmpgt_epi32_mask(zero, s.v), _mm512_sub_epi32(zero, x.v))};
}

FL_INLINE S set_pair(const int32_t* p) { return {_mm256_set1_epi32(*p)}; }
FL_INLINE S load_short(const int16_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
FL_INLINE void store_short(int16_t* p, S x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x.v); }
FL_INLINE S add(S a, S b) { return {_mm256_add_epi16(a.v, b.v)}; }
FL_INLINE S max(S a, S b) { return {_mm256_max_epi16(a.v, b.v)}; }

}  // namespace
}  // namespace firstlight::device::tensix::FL_ISA
