// Sixteen float lanes in plain C++ (the compiler's vector types): every target that GCC or Clang knows. The interface
// is the same in avx2.h and avx512.h; a kernel is text over it. Here fma() rounds twice, a multiply and then an add.
#pragma once

#include <stdint.h>

#include "firstlight/device/cpu/kernels.h"

#define FL_INLINE static inline __attribute__((always_inline))

namespace firstlight::device::cpu::FL_ISA {
namespace {

typedef float Vec __attribute__((vector_size(64)));
typedef uint8_t Bytes __attribute__((vector_size(16)));  // sixteen bytes: codes of one row of a panel
typedef int32_t Ints __attribute__((vector_size(64)));
typedef uint32_t Words __attribute__((vector_size(64)));

// Registers: (rows, panels) of the product kernels' blocks, chosen so that accumulators and operands fit.
constexpr int kDirectPanels[] = {0, 2, 1, 1, 1};  // by rows 1..4
constexpr int kScaledPanels[] = {0, 2, 1, 1, 1};  // of formats with exponents
struct Block {
  int rows;
  int panels;
};
constexpr Block kBlocks[] = {{2, 1}, {1, 2}};  // the last has one row
constexpr int kTileRows = 2;                   // of the blocked linear product, with kTilePanels side by side
constexpr int kTilePanels = 1;

FL_INLINE Vec set1(float x) { return x - Vec{}; }
FL_INLINE Vec zero() { return Vec{}; }
FL_INLINE Vec load(const float* p) {
  Vec v;
  __builtin_memcpy(&v, p, sizeof(v));
  return v;
}
FL_INLINE void store(float* p, Vec v) { __builtin_memcpy(p, &v, sizeof(v)); }
FL_INLINE Vec add(Vec a, Vec b) { return a + b; }
FL_INLINE Vec sub(Vec a, Vec b) { return a - b; }
FL_INLINE Vec mul(Vec a, Vec b) { return a * b; }
FL_INLINE Vec div(Vec a, Vec b) { return a / b; }
FL_INLINE Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }  // a b + c
// The lanes where a < b take x, the others (NaN among them) y.
FL_INLINE Vec select_less(Vec a, Vec b, Vec x, Vec y) {
  const Ints mask = a < b;
  return (Vec)(((Ints)x & mask) | ((Ints)y & ~mask));
}
// As the x86 instructions: the second operand where either is NaN.
FL_INLINE Vec max(Vec a, Vec b) { return select_less(b, a, a, b); }
FL_INLINE Vec min(Vec a, Vec b) { return select_less(a, b, a, b); }
FL_INLINE Vec sqrt(Vec v) {
  for (int i = 0; i < 16; ++i) v[i] = __builtin_sqrtf(v[i]);
  return v;
}
FL_INLINE Vec abs(Vec v) { return (Vec)((Ints)v & 0x7FFFFFFF); }
// |v| with the sign of s.
FL_INLINE Vec copy_sign(Vec v, Vec s) { return (Vec)(((Ints)v & 0x7FFFFFFF) | ((Ints)s & INT32_MIN)); }
// The bits of each lane moved 23 places up: an exponent field from an integer in the low bits.
FL_INLINE Vec shift_to_exponent(Vec v) { return (Vec)((Words)v << 23); }

FL_INLINE Vec load_bf16(const uint16_t* p) {
  uint16_t __attribute__((vector_size(32))) half;
  __builtin_memcpy(&half, p, sizeof(half));
  return (Vec)(__builtin_convertvector(half, Words) << 16);
}
// Round to nearest even; every NaN becomes 0x7FC0 (format/scalar.h).
FL_INLINE void store_bf16(uint16_t* p, Vec v) {
  typedef uint16_t Halves __attribute__((vector_size(32)));
  const Words bits = (Words)v;
  const Words rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
  const Words is_nan = (Words)(v != v);
  const Halves half = __builtin_convertvector((rounded & ~is_nan) | (is_nan & 0x7FC0U), Halves);
  __builtin_memcpy(p, &half, sizeof(half));
}
FL_INLINE Vec load_f16(const uint16_t* p) {
  uint16_t __attribute__((vector_size(32))) half;
  __builtin_memcpy(&half, p, sizeof(half));
  const Words bits = __builtin_convertvector(half, Words);
  const Vec magnitude = (Vec)((bits & 0x7FFFU) << 13) * 0x1p112F;  // re-biases the exponent; exact, subnormals too
  const Words special = (Words)((bits & 0x7C00U) == 0x7C00U) & 0x7F800000U;
  return (Vec)((Words)magnitude | special | ((bits & 0x8000U) << 16));
}

FL_INLINE Bytes load_bytes(const uint8_t* p) {
  Bytes b;
  __builtin_memcpy(&b, p, sizeof(b));
  return b;
}
FL_INLINE Bytes all_ones() { return Bytes{} - uint8_t{1}; }
FL_INLINE Bytes no_bytes() { return Bytes{}; }
FL_INLINE Bytes min_bytes(Bytes a, Bytes b) {
  const Bytes mask = (Bytes)(a < b);
  return (a & mask) | (b & ~mask);
}
FL_INLINE Bytes max_bytes(Bytes a, Bytes b) { return min_bytes(a, b) ^ a ^ b; }
// Whether any byte is below the limit.
FL_INLINE bool any_below(Bytes bytes, int limit) {
  const Bytes mask = (Bytes)(bytes < (Bytes{} + static_cast<uint8_t>(limit)));
  uint64_t halves[2];
  __builtin_memcpy(halves, &mask, sizeof(halves));
  return (halves[0] | halves[1]) != 0;
}

// Sixteen codes of kBits, two's complement, as floats times 1 / kCodes: those of the J-th input of 16 words.
template <int kBits>
constexpr float kCodes = 1;
template <int kBits, int J>
FL_INLINE Vec codes(const uint8_t* p) {
  Words words;
  __builtin_memcpy(&words, p, sizeof(words));
  return __builtin_convertvector((Ints)(words << (32 - kBits - code_shift(kBits, J))) >> (32 - kBits), Vec);
}
// The J-th of each of 16 pairs of bf16.
template <int J>
FL_INLINE Vec pair_lanes(const uint8_t* p) {
  Words w;
  __builtin_memcpy(&w, p, sizeof(w));
  return (Vec)(J == 0 ? w << 16 : w & 0xFFFF0000U);
}
// 2^(e - 127) of each unsigned byte: the float with that exponent field (0 gives 0, 255 infinity).
FL_INLINE Vec exponents(Bytes b) { return (Vec)(__builtin_convertvector(b, Words) << 23); }
// (-1)^s magnitude of sign-magnitude bytes.
FL_INLINE Vec sign_magnitude(Bytes b) {
  const Words bits = __builtin_convertvector(b, Words);
  const Vec magnitude = __builtin_convertvector((Ints)(bits & 0x7FU), Vec);
  return (Vec)((Words)magnitude | ((bits & 0x80U) << 24));
}

// Always the same tree: lanes 8 apart, then 4, 2, 1.
FL_INLINE float sum(Vec v) {
  float s[16];
  store(s, v);
  for (int step = 8; step > 0; step /= 2)
    for (int i = 0; i < step; ++i) s[i] = s[i] + s[i + step];
  return s[0];
}
FL_INLINE float max_lane(Vec v) {
  float s[16];
  store(s, v);
  for (int step = 8; step > 0; step /= 2)
    for (int i = 0; i < step; ++i) s[i] = s[i] > s[i + step] ? s[i] : s[i + step];
  return s[0];
}

// dst[c][r] = src[r][c] of a 16 x 16 block, strides in floats.
FL_INLINE void transpose16(const float* src, int64_t src_stride, float* dst, int64_t dst_stride) {
  for (int r = 0; r < 16; ++r)
    for (int c = 0; c < 16; ++c) dst[c * dst_stride + r] = src[r * src_stride + c];
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
