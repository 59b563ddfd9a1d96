// Eight lanes of 32 bits in plain C++. The interface of the vector types:
//   F     lanes of f32            I   lanes of int32            S   sixteen lanes of int16
//   fma   one rounding            shl<n> shr<n> sar<n>          shifts by a constant; shr(x, n), sar(x, n) by lanes,
//   bits, floats   reinterpret    (n >= 32, also as a negative n: 0, or the sign)
//   keep_greater(x, a, b)         x where a > b, else 0         minus_one_greater(a, b), minus_one_equal(a, b)
//   times_sign(x, s)              x, -x or 0 as s is positive, negative or 0
//   widen_bytes, widen_halves     kLanes bytes or 16-bit words, unsigned, at any address
//   store_narrow                  the low 16 bits of each lane
// Arrays of floats, words and shorts are 64-byte aligned, but for load_words.
#pragma once

#include <stdint.h>

#if defined(FIRSTLIGHT_SANITIZED)
#define FL_INLINE static inline  // a check in every copy of every lane takes minutes to compile
#else
#define FL_INLINE static inline __attribute__((always_inline))
#endif

namespace firstlight::device::tensix::FL_ISA {
namespace {

constexpr int kLanes = 8;
constexpr int kRowBlock = 4;
struct F {
  float v[8];
};
struct I {
  int32_t v[8];
};
struct S {
  int16_t v[16];
};

#define FL_LANES(T, expression)                           \
  T out;                                                  \
  for (int i = 0; i < kLanes; ++i) out.v[i] = expression; \
  return out

FL_INLINE F load(const float* p) { FL_LANES(F, p[i]); }
FL_INLINE F broadcast(const float* p) { FL_LANES(F, *p); }
FL_INLINE void store(float* p, F x) {
  for (int i = 0; i < kLanes; ++i) p[i] = x.v[i];
}
FL_INLINE F add(F a, F b) { FL_LANES(F, a.v[i] + b.v[i]); }
FL_INLINE F sub(F a, F b) { FL_LANES(F, a.v[i] - b.v[i]); }
FL_INLINE F mul(F a, F b) { FL_LANES(F, a.v[i] * b.v[i]); }
FL_INLINE F set(float x) { FL_LANES(F, x); }
// The product is exact in double, and the sum is as far as its rounding to f32 can see (kernels/matmul.h).
FL_INLINE F fma(F a, F b, F c) {
  FL_LANES(F,
           static_cast<float>(static_cast<double>(a.v[i]) * static_cast<double>(b.v[i]) + static_cast<double>(c.v[i])));
}
FL_INLINE I bits(F x) { FL_LANES(I, __builtin_bit_cast(int32_t, x.v[i])); }
FL_INLINE F floats(I x) { FL_LANES(F, __builtin_bit_cast(float, x.v[i])); }
FL_INLINE F to_float(I x) { FL_LANES(F, static_cast<float>(x.v[i])); }

FL_INLINE uint32_t u(int32_t x) { return static_cast<uint32_t>(x); }
FL_INLINE int32_t s(uint32_t x) { return static_cast<int32_t>(x); }
FL_INLINE I set(int32_t x) { FL_LANES(I, x); }
FL_INLINE I load_words(const uint32_t* p) { FL_LANES(I, s(p[i])); }
FL_INLINE void store_words(uint32_t* p, I x) {
  for (int i = 0; i < kLanes; ++i) p[i] = u(x.v[i]);
}
FL_INLINE I widen(const int16_t* p) { FL_LANES(I, p[i]); }
FL_INLINE I widen_bytes(const uint8_t* p) { FL_LANES(I, p[i]); }
FL_INLINE I widen_halves(const uint8_t* p) { FL_LANES(I, p[2 * i] | p[2 * i + 1] << 8); }
FL_INLINE void store_narrow(int16_t* p, I x) {
  for (int i = 0; i < kLanes; ++i) p[i] = static_cast<int16_t>(x.v[i]);
}
FL_INLINE I add(I a, I b) { FL_LANES(I, s(u(a.v[i]) + u(b.v[i]))); }
FL_INLINE I sub(I a, I b) { FL_LANES(I, s(u(a.v[i]) - u(b.v[i]))); }
FL_INLINE I max(I a, I b) { FL_LANES(I, a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }
FL_INLINE I both(I a, I b) { FL_LANES(I, a.v[i] & b.v[i]); }
FL_INLINE I either(I a, I b) { FL_LANES(I, a.v[i] | b.v[i]); }
FL_INLINE I abs(I x) { FL_LANES(I, x.v[i] < 0 ? s(0U - u(x.v[i])) : x.v[i]); }
template <int n>
FL_INLINE I shl(I x) {
  FL_LANES(I, s(u(x.v[i]) << n));
}
template <int n>
FL_INLINE I shr(I x) {
  FL_LANES(I, s(u(x.v[i]) >> n));
}
template <int n>
FL_INLINE I sar(I x) {
  FL_LANES(I, x.v[i] >> n);
}
FL_INLINE I shr(I x, I n) { FL_LANES(I, u(n.v[i]) > 31U ? 0 : s(u(x.v[i]) >> n.v[i])); }
FL_INLINE I sar(I x, I n) { FL_LANES(I, x.v[i] >> (u(n.v[i]) > 31U ? 31 : n.v[i])); }
FL_INLINE I keep_greater(I x, I a, I b) { FL_LANES(I, a.v[i] > b.v[i] ? x.v[i] : 0); }
FL_INLINE I minus_one_greater(I a, I b) { FL_LANES(I, a.v[i] > b.v[i] ? -1 : 0); }
FL_INLINE I minus_one_equal(I a, I b) { FL_LANES(I, a.v[i] == b.v[i] ? -1 : 0); }
FL_INLINE I times_sign(I x, I n) { FL_LANES(I, n.v[i] > 0 ? x.v[i] : n.v[i] < 0 ? s(0U - u(x.v[i])) : 0); }
#undef FL_LANES

FL_INLINE S set_pair(const int32_t* p) {
  S out;
  for (int i = 0; i < 16; ++i) out.v[i] = static_cast<int16_t>(*p);
  return out;
}
FL_INLINE S load_short(const int16_t* p) {
  S out;
  for (int i = 0; i < 16; ++i) out.v[i] = p[i];
  return out;
}
FL_INLINE void store_short(int16_t* p, S x) {
  for (int i = 0; i < 16; ++i) p[i] = x.v[i];
}
FL_INLINE S add(S a, S b) {
  for (int i = 0; i < 16; ++i) a.v[i] = static_cast<int16_t>(a.v[i] + b.v[i]);
  return a;
}
FL_INLINE S max(S a, S b) {
  for (int i = 0; i < 16; ++i) a.v[i] = a.v[i] > b.v[i] ? a.v[i] : b.v[i];
  return a;
}

}  // namespace
}  // namespace firstlight::device::tensix::FL_ISA
