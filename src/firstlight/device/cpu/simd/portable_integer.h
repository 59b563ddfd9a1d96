// Products of integers in plain C++. The interface is the same in avx2_integer.h and avx512vnni_integer.h.
#pragma once

#include "firstlight/device/cpu/kernels.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

constexpr int kMultiplierLanes = 1;  // 16-byte lanes in which bytes are widened: the order of quantised inputs
constexpr int kIntegerTileRows = 2;
constexpr int kIntegerPanels[] = {0, 1, 1, 1, 1};  // that few rows take at a time
template <int kBits>
constexpr int kFoldQuads = 16;  // quads whose sums Sums holds

// Sixteen columns by four inputs: the codes of a column side by side, a byte each.
using Quad = Words;
using Totals = Ints;  // of 16 columns
template <int kBits>
using Sums = Ints;

// The J-th code of each byte.
template <int kBits, int J>
FL_INLINE Quad field(Quad packed) {
  if constexpr (kBits == 8) return packed;
  typedef uint8_t Codes __attribute__((vector_size(64)));
  constexpr uint32_t kOnes = 0x01010101U;
  constexpr uint32_t kSigns = kOnes << (kBits - 1);
  const Quad bits = (packed >> (kBits * J)) & (kOnes * ((1U << kBits) - 1));
  return (Quad)((Codes)(bits ^ kSigns) - (Codes)(Quad{} + kSigns));
}
FL_INLINE Quad load_quad(const uint8_t* p) {
  Quad quad;
  __builtin_memcpy(&quad, p, sizeof(quad));
  return quad;
}
FL_INLINE void store_quad(uint8_t* p, Quad quad) { __builtin_memcpy(p, &quad, sizeof(quad)); }

FL_INLINE Totals no_totals() { return Ints{}; }
template <int kBits>
FL_INLINE Sums<kBits> no_sums() {
  return Ints{};
}
// sums + the products of four inputs. (Called, not inlined: without the instructions it is long.)
template <int kBits>
__attribute__((noinline)) Ints step(Ints sums, const Quad& quad, const int8_t* inputs) {
  for (int i = 0; i < 4; ++i) sums += ((Ints)(quad << (24 - 8 * i)) >> 24) * inputs[i];
  return sums;
}
template <int kBits>
FL_INLINE Totals fold(Totals totals, Ints sums) {
  return totals + sums;
}
// A table may sum code + 2^(bits - 1) (from field()) or input + 128 (from inputs()) in place of the plain ones: what
// that adds is taken off by corrected(), from `codes` to which add_codes() has added every quad, and the inputs' sum.
template <int kBits>
FL_INLINE Totals add_codes(Totals codes, const Quad&) {
  return codes;
}
template <int kBits>
FL_INLINE Totals corrected(Totals totals, Totals, int32_t) {
  return totals;
}
FL_INLINE Vec to_floats(Totals totals) { return __builtin_convertvector(totals, Vec); }

// For the exponents e of 64 inputs: their maximum m, and 2^(7 - (m - e)) of each as 16 bits, 0 where that is no
// integer.
FL_INLINE int multipliers(const uint8_t* exponents, int16_t* out) {
  int most = 0;
  for (int i = 0; i < 64; ++i) most = exponents[i] > most ? exponents[i] : most;
  for (int i = 0; i < 64; ++i) {
    const int below = most - exponents[i];
    out[i] = static_cast<int16_t>(below < 8 ? 128 >> below : 0);
  }
  return most;
}
// Place of an input among the four inputs of the quads of its 16, for codes of kBits.
template <int kBits>
FL_INLINE int place_of(int input) {
  constexpr int kUnit = 32 / kBits;
  const int shift = code_shift(kBits, input % kUnit);
  return input / kUnit * kUnit + shift % 8 / kBits * 4 + shift / 8;
}
// x multiplier / 2^15 to the nearest of 64 inputs, in the order of quads; returns their sum where corrected() wants it.
template <int kBits>
FL_INLINE int32_t inputs(const int16_t* x, const int16_t* multiplier, int8_t* out) {
  for (int i = 0; i < 64; ++i)
    out[i / 16 * 16 + place_of<kBits>(i % 16)] = static_cast<int8_t>((x[i] * multiplier[i] + 0x4000) >> 15);
  return 0;
}
// Sixteen floats to 16 bits, two halves of eight.
FL_INLINE void store_int16(int16_t* low, int16_t* high, Vec v) {
  for (int i = 0; i < 8; ++i) {
    low[i] = static_cast<int16_t>((v[i] + 0x1.8p23F) - 0x1.8p23F);
    high[i] = static_cast<int16_t>((v[i + 8] + 0x1.8p23F) - 0x1.8p23F);
  }
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
