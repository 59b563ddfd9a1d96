// Products of integers by AVX-512 VNNI. Same interface as portable_integer.h. Inputs are stored with 128 added, because
// the instruction takes them unsigned.
#pragma once

#include "firstlight/device/cpu/kernels.h"
#include "firstlight/device/cpu/simd/avx512.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

constexpr int kMultiplierLanes = 4;
#if defined(FIRSTLIGHT_SIMDE)
constexpr int kIntegerTileRows = 3;  // as in avx512.h
constexpr int kIntegerPanels[] = {0, 2, 1, 1, 1};
#else
constexpr int kIntegerTileRows = 10;  // more rows lie in lanes
constexpr int kIntegerPanels[] = {0, 4, 4, 4, 4};
#endif
template <int kBits>
constexpr int kFoldQuads = 16;

struct Quad {
  __m512i v;
};
struct Totals {
  __m512i v;
};
template <int kBits>
using Sums = Totals;

FL_INLINE __m512i all_lanes(__m128i v) { return _mm512_broadcast_i32x4(v); }
FL_INLINE Quad load_quad(const uint8_t* p) { return {_mm512_loadu_si512(p)}; }
FL_INLINE void store_quad(uint8_t* p, Quad quad) { _mm512_storeu_si512(p, quad.v); }

template <int kBits, int J>
FL_INLINE Quad field(Quad packed) {
  if constexpr (kBits == 8) return packed;
  const __m512i bits = _mm512_and_si512(J == 0 ? packed.v : _mm512_srli_epi16(packed.v, kBits * J),
                                        _mm512_set1_epi32(kBits == 4 ? 0x0F0F0F0F : 0x03030303));
  const __m128i table = kBits == 4 ? _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1)
                                   : _mm_setr_epi8(0, 1, -2, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  return {_mm512_shuffle_epi8(all_lanes(table), bits)};
}

// The input, of 16, whose code is the i-th of the four quads.
template <int kBits>
constexpr int input_of_quads(int i) {
  constexpr int kUnit = 32 / kBits;
  return i / kUnit * kUnit + code_input(kBits, i % 4 * 8 + i % kUnit / 4 * kBits);
}

FL_INLINE Totals no_totals() { return {_mm512_setzero_si512()}; }
template <int kBits>
FL_INLINE Totals no_sums() {
  return no_totals();
}
FL_INLINE __m512i dot_bytes(__m512i acc, __m512i unsigned_bytes, __m512i signed_bytes) {
#if defined(FIRSTLIGHT_SIMDE)
  return emulated_dpbusd(acc, unsigned_bytes, signed_bytes);
#else
  return _mm512_dpbusd_epi32(acc, unsigned_bytes, signed_bytes);
#endif
}
template <int kBits>
FL_INLINE Totals step(Totals sums, const Quad& quad, const int8_t* inputs) {
  int32_t four;
  __builtin_memcpy(&four, inputs, sizeof(four));
  return {dot_bytes(sums.v, _mm512_set1_epi32(four), quad.v)};
}
template <int kBits>
FL_INLINE Totals add_codes(Totals codes, const Quad& quad) {
  return {dot_bytes(codes.v, _mm512_set1_epi32(static_cast<int>(0x80808080U)), quad.v)};
}
template <int kBits>
FL_INLINE Totals fold(Totals totals, Totals sums) {
  return {_mm512_add_epi32(totals.v, sums.v)};
}
template <int kBits>
FL_INLINE Totals corrected(Totals totals, Totals codes, int32_t) {
  return {_mm512_sub_epi32(totals.v, codes.v)};
}
FL_INLINE Vec to_floats(Totals totals) { return {_mm512_cvtepi32_ps(totals.v)}; }

FL_INLINE int most_of_exponents(const uint8_t* exponents) {
  const __m256i half = _mm256_max_epu8(load_si256(exponents), load_si256(exponents + 32));
  const __m128i rest =
      _mm_xor_si128(max_bytes(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1)), all_ones());
  return 255 - (_mm_cvtsi128_si32(_mm_minpos_epu16(min_bytes(rest, _mm_srli_epi16(rest, 8)))) & 0xFF);
}
// By how much 64 exponents lie below the largest, at most 15.
FL_INLINE __m512i below_most(int most, const uint8_t* exponents) {
  return _mm512_min_epu8(_mm512_sub_epi8(_mm512_set1_epi32(most * 0x01010101U), _mm512_loadu_si512(exponents)),
                         _mm512_set1_epi32(0x0F0F0F0F));
}
FL_INLINE int multipliers(const uint8_t* exponents, int16_t* out) {
  const int most = most_of_exponents(exponents);
  const __m512i bytes = _mm512_shuffle_epi8(
      all_lanes(_mm_setr_epi8(static_cast<char>(128), 64, 32, 16, 8, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0)),
      below_most(most, exponents));
  _mm512_storeu_si512(out, _mm512_unpacklo_epi8(bytes, _mm512_setzero_si512()));
  _mm512_storeu_si512(out + 32, _mm512_unpackhi_epi8(bytes, _mm512_setzero_si512()));
  return most;
}
FL_INLINE __m512i multiply_rounded(const int16_t* x, const int16_t* multiplier) {
  return _mm512_mulhrs_epi16(_mm512_loadu_si512(x), _mm512_loadu_si512(multiplier));
}
template <int kBits>
FL_INLINE int32_t inputs(const int16_t* x, const int16_t* multiplier, int8_t* out) {
  __m512i v = _mm512_packs_epi16(multiply_rounded(x, multiplier), multiply_rounded(x + 32, multiplier + 32));
  constexpr auto kAt = [](int i) { return static_cast<char>(input_of_quads<kBits>(i)); };
  v = _mm512_shuffle_epi8(
      v, all_lanes(_mm_setr_epi8(kAt(0), kAt(1), kAt(2), kAt(3), kAt(4), kAt(5), kAt(6), kAt(7), kAt(8), kAt(9),
                                 kAt(10), kAt(11), kAt(12), kAt(13), kAt(14), kAt(15))));
  _mm512_storeu_si512(out, _mm512_xor_si512(v, _mm512_set1_epi32(static_cast<int>(0x80808080U))));
  return 0;
}

// ---- Lanes over rows (integer_lanes.h) ---------------------------------------------------------------------------

#define FL_LANES
constexpr int64_t kLeastLanes = 11;  // rows

struct LaneInputs {
  __m512i v;
};
// Where the four inputs of a row stand among those of 16 rows, such that packing two registers puts a row in its lane.
constexpr int64_t lane_slot(int64_t row) { return row / 4 * 2 + row % 2 + (row % 4 < 2 ? 0 : 8); }
FL_INLINE LaneInputs lane_inputs(const int16_t* x, const int16_t* multiplier) {
  int64_t four;
  __builtin_memcpy(&four, multiplier, sizeof(four));
  const __m512i by = _mm512_set1_epi64(four);
  const __m512i v = _mm512_packs_epi16(_mm512_mulhrs_epi16(_mm512_loadu_si512(x), by),
                                       _mm512_mulhrs_epi16(_mm512_loadu_si512(x + 32), by));
  return {_mm512_xor_si512(v, _mm512_set1_epi32(static_cast<int>(0x80808080U)))};
}
FL_INLINE Totals lane_step(Totals sums, LaneInputs x, const uint8_t* codes) {
#if defined(FIRSTLIGHT_SIMDE)
  int32_t four;
  __builtin_memcpy(&four, codes, sizeof(four));
  return {emulated_dpbusd(sums.v, x.v, _mm512_set1_epi32(four))};
#else
  // GCC 12 neither takes the broadcast as an operand nor keeps sixteen sums in their registers around a loop.
  asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sums.v) : "v"(x.v), "m"(*reinterpret_cast<const uint8_t(*)[4]>(codes)));
  return sums;
#endif
}
FL_INLINE Totals all_totals(int32_t total) { return {_mm512_set1_epi32(total)}; }
FL_INLINE void store_totals(int32_t* p, Totals totals) { _mm512_storeu_si512(p, totals.v); }

// A group as `quantise` and `multipliers` leave it to the order of the quads of codes.
template <int kBits>
FL_INLINE void order_inputs(int16_t* group) {
  struct Order {
    int16_t of[kIntegerGroup];
  };
  alignas(64) static constexpr Order kOrder = [] {
    Order order{};
    for (int i = 0; i < kIntegerGroup; ++i) {
      const int place = input_of_quads<kBits>(i % 16);
      order.of[i] = static_cast<int16_t>(i / 16 * 8 + place % 8 + place / 8 * 32);
    }
    return order;
  }();
  const __m512i low = _mm512_loadu_si512(group);
  const __m512i high = _mm512_loadu_si512(group + 32);
  _mm512_storeu_si512(group, _mm512_permutex2var_epi16(low, _mm512_loadu_si512(kOrder.of), high));
  _mm512_storeu_si512(group + 32, _mm512_permutex2var_epi16(low, _mm512_loadu_si512(kOrder.of + 32), high));
}

FL_INLINE void store_int16(int16_t* low, int16_t* high, Vec v) {
  const __m256i words = _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(v.v));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(low), _mm256_castsi256_si128(words));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(high), _mm256_extracti128_si256(words, 1));
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
