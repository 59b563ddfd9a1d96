// Eight lanes of 32 bits as one AVX2 register (with FMA). Same interface as portable.h, where it is described.
#pragma once

#include <immintrin.h>
#include <stdint.h>

#define FL_INLINE static inline __attribute__((always_inline))

namespace firstlight::device::tensix::FL_ISA {
namespace {

constexpr int kLanes = 8;
constexpr int kRowBlock = 4;  // 8 accumulators, 2 vectors of in1, 1 broadcast
struct F {
  __m256 v;
};
struct I {
  __m256i v;
};
struct S {  // sixteen lanes of 16 bits
  __m256i v;
};

FL_INLINE F load(const float* p) { return {_mm256_load_ps(p)}; }
FL_INLINE F broadcast(const float* p) { return {_mm256_broadcast_ss(p)}; }
FL_INLINE F fma(F a, F b, F c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
FL_INLINE void store(float* p, F x) { _mm256_store_ps(p, x.v); }
FL_INLINE F add(F a, F b) { return {_mm256_add_ps(a.v, b.v)}; }
FL_INLINE F sub(F a, F b) { return {_mm256_sub_ps(a.v, b.v)}; }
FL_INLINE F mul(F a, F b) { return {_mm256_mul_ps(a.v, b.v)}; }
FL_INLINE F set(float x) { return {_mm256_set1_ps(x)}; }
FL_INLINE I bits(F x) { return {_mm256_castps_si256(x.v)}; }
FL_INLINE F floats(I x) { return {_mm256_castsi256_ps(x.v)}; }
FL_INLINE F to_float(I x) { return {_mm256_cvtepi32_ps(x.v)}; }

FL_INLINE I set(int32_t x) { return {_mm256_set1_epi32(x)}; }
FL_INLINE I load_words(const uint32_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
FL_INLINE void store_words(uint32_t* p, I x) { _mm256_store_si256(reinterpret_cast<__m256i*>(p), x.v); }
FL_INLINE I widen(const int16_t* p) {
  return {_mm256_cvtepi16_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(p)))};
}
FL_INLINE I widen_bytes(const uint8_t* p) {
  return {_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))};
}
FL_INLINE I widen_halves(const uint8_t* p) {
  return {_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
FL_INLINE void store_narrow(int16_t* p, I x) {
  const __m256i packed = _mm256_packs_epi32(x.v, x.v);  // in each half of 128 bits
  _mm_store_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08)));
}
FL_INLINE I add(I a, I b) { return {_mm256_add_epi32(a.v, b.v)}; }
FL_INLINE I sub(I a, I b) { return {_mm256_sub_epi32(a.v, b.v)}; }
FL_INLINE I max(I a, I b) { return {_mm256_max_epi32(a.v, b.v)}; }
FL_INLINE I both(I a, I b) { return {_mm256_and_si256(a.v, b.v)}; }
FL_INLINE I either(I a, I b) { return {_mm256_or_si256(a.v, b.v)}; }
FL_INLINE I abs(I x) { return {_mm256_abs_epi32(x.v)}; }
template <int n>
FL_INLINE I shl(I x) {
  return {_mm256_slli_epi32(x.v, n)};
}
template <int n>
FL_INLINE I shr(I x) {
  return {_mm256_srli_epi32(x.v, n)};
}
template <int n>
FL_INLINE I sar(I x) {
  return {_mm256_srai_epi32(x.v, n)};
}
FL_INLINE I shr(I x, I n) { return {_mm256_srlv_epi32(x.v, n.v)}; }
FL_INLINE I sar(I x, I n) { return {_mm256_srav_epi32(x.v, n.v)}; }
FL_INLINE I keep_greater(I x, I a, I b) { return {_mm256_and_si256(x.v, _mm256_cmpgt_epi32(a.v, b.v))}; }
FL_INLINE I minus_one_greater(I a, I b) { return {_mm256_cmpgt_epi32(a.v, b.v)}; }
FL_INLINE I minus_one_equal(I a, I b) { return {_mm256_cmpeq_epi32(a.v, b.v)}; }
FL_INLINE I times_sign(I x, I s) { return {_mm256_sign_epi32(x.v, s.v)}; }

FL_INLINE S set_pair(const int32_t* p) {
  return {_mm256_castps_si256(_mm256_broadcast_ss(reinterpret_cast<const float*>(p)))};
}
FL_INLINE S load_short(const int16_t* p) { return {_mm256_load_si256(reinterpret_cast<const __m256i*>(p))}; }
FL_INLINE void store_short(int16_t* p, S x) { _mm256_store_si256(reinterpret_cast<__m256i*>(p), x.v); }
FL_INLINE S add(S a, S b) { return {_mm256_add_epi16(a.v, b.v)}; }
FL_INLINE S max(S a, S b) { return {_mm256_max_epi16(a.v, b.v)}; }

}  // namespace
}  // namespace firstlight::device::tensix::FL_ISA
