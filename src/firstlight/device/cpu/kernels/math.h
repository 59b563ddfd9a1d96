// Elementary functions on lanes, with their errors, and rows of either element. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

#if defined(__clang__)
#define FL_UNROLL _Pragma("unroll")
#define FL_UNROLL_TWICE _Pragma("unroll 2")
#else
#define FL_UNROLL _Pragma("GCC unroll 32")
#define FL_UNROLL_TWICE _Pragma("GCC unroll 2")
#endif

constexpr float kInfinity = __builtin_inff();

#if !defined(FL_TIMES_POWER)
// y 2^n for whole n, in two factors, so that neither end of the range over- or underflows early; rounded once at most.
FL_INLINE Vec times_power(Vec y, Vec n) {
  const Vec round = set1(0x1.8p23F);  // as in exp
  const Vec one_exponent = set1(0x1.8p23F + 127.0F);
  const Vec half = sub(fma(n, set1(0.5F), round), round);
  const Vec low = shift_to_exponent(add(half, one_exponent));
  const Vec high = shift_to_exponent(add(sub(n, half), one_exponent));
  return mul(mul(y, low), high);
}
#endif

// e^x. Error <= 2 ulp (1.1 measured with FMA); subnormal results are rounded once more; NaN stays NaN.
// x = n ln 2 + r, |r| <= ln 2 / 2; e^r by the minimax polynomial of Cephes' expf.
FL_INLINE Vec exp(Vec x) {
  const Vec round = set1(0x1.8p23F);  // adding it leaves the nearest integer in the low bits of the significand
  x = min(set1(89.0F), max(set1(-104.0F), x));
  const Vec n = sub(fma(x, set1(0x1.715476p+0F), round), round);  // log2 e
  Vec r = fma(n, set1(-0.693359375F), x);                         // ln 2 in two parts; the first is exact times n
  r = fma(n, set1(2.12194440e-4F), r);
  Vec p = fma(set1(1.9875691500e-4F), r, set1(1.3981999507e-3F));
  p = fma(p, r, set1(8.3334519073e-3F));
  p = fma(p, r, set1(4.1665795894e-2F));
  p = fma(p, r, set1(1.6666665459e-1F));
  p = fma(p, r, set1(5.0000001201e-1F));
  return times_power(add(fma(p, mul(r, r), r), set1(1.0F)), n);
}

// The same, but zero below -87: subnormal results take some processors a hundred times as long as others.
FL_INLINE Vec exp_or_zero(Vec x) {
  const Vec least = set1(-87.0F);
  return select_less(x, least, zero(), exp(max(least, x)));
}

#if !defined(FL_POWER_OR_ZERO)
// y 2^n, or zero where x is below -126.
FL_INLINE Vec power_or_zero(Vec x, Vec y, Vec n) { return select_less(x, set1(-126.0F), zero(), times_power(y, n)); }
#endif

// 2^x of x <= 0, or beyond it by a rounding; zero below -126. Relative error <= 2^-22 (1.7e-7 measured with FMA); NaN
// stays NaN. x = n + r, |r| <= 1/2; 2^r by a polynomial of least relative error, found by Lawson's weights, that is 1
// at 0.
FL_INLINE Vec exp2_below(Vec x) {
  const Vec round = set1(0x1.8p23F);  // as in exp
  const Vec n = sub(add(x, round), round);
  const Vec r = sub(x, n);
  Vec p = fma(set1(0x1.5bba14p-10F), r, set1(0x1.3cea88p-7F));
  p = fma(p, r, set1(0x1.c6b752p-5F));
  p = fma(p, r, set1(0x1.ebf9bcp-3F));
  p = fma(p, r, set1(0x1.62e42ap-1F));
  return power_or_zero(x, fma(p, r, set1(1.0F)), n);
}

// tanh x. Error <= 3 ulp. Small arguments by the odd polynomial of Cephes' tanhf, others by 1 - 2 / (e^2|x| + 1).
FL_INLINE Vec tanh(Vec x) {
  const Vec magnitude = abs(x);
  const Vec z = mul(x, x);
  Vec p = fma(set1(-5.70498872745e-3F), z, set1(2.06390887954e-2F));
  p = fma(p, z, set1(-5.37397155531e-2F));
  p = fma(p, z, set1(1.33314422036e-1F));
  p = fma(p, z, set1(-3.33332819422e-1F));
  const Vec small = fma(mul(p, z), x, x);
  const Vec large = sub(set1(1.0F), div(set1(2.0F), add(exp(add(magnitude, magnitude)), set1(1.0F))));
  return copy_sign(select_less(magnitude, set1(0.625F), small, large), x);
}

// 1 / (1 + e^-x). Error <= 4 ulp.
FL_INLINE Vec sigmoid(Vec x) { return div(set1(1.0F), add(set1(1.0F), exp(sub(zero(), x)))); }

// ---- Rows of either element --------------------------------------------------------------------------------------
// Loops run over floats in parts of a row: an f32 part in place, others through a small buffer.

constexpr int64_t kPart = 256;  // elements; a multiple of 64, so that parts do not show in the order of a sum

FL_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

FL_INLINE float load_one(Source x, int64_t i) {
  if (x.element == Element::kF32) return static_cast<const float*>(x.data)[i];
  const uint32_t bits = static_cast<uint32_t>(static_cast<const uint16_t*>(x.data)[i]) << 16;
  float value;
  __builtin_memcpy(&value, &bits, sizeof(value));
  return value;
}

// The elements [i, i + n), n <= kPart, as floats; up to the next multiple of 16 they are `fill`.
[[maybe_unused]] const float* read(Source x, int64_t i, int64_t n, float fill, float* buffer) {
  const int64_t whole = n / 16 * 16;
  if (x.element == Element::kF32) {
    const float* data = static_cast<const float*>(x.data) + i;
    if (whole == n) return data;
    __builtin_memcpy(buffer, data, static_cast<size_t>(n) * sizeof(float));
  } else {
    for (int64_t j = 0; j < whole; j += 16) store(buffer + j, load_bf16(static_cast<const uint16_t*>(x.data) + i + j));
    for (int64_t j = whole; j < n; ++j) buffer[j] = load_one(x, i + j);
  }
  for (int64_t j = n; j < padded_lanes(n); ++j) buffer[j] = fill;
  return buffer;
}

// Where the elements [i, i + n) are to be computed; write() then stores them where that is the buffer.
[[maybe_unused]] float* target(Sink out, int64_t i, int64_t n, float* buffer) {
  return out.element == Element::kF32 && n % 16 == 0 ? static_cast<float*>(out.data) + i : buffer;
}
[[maybe_unused]] void write(Sink out, int64_t i, int64_t n, const float* values) {
  if (out.element == Element::kF32) {
    float* data = static_cast<float*>(out.data) + i;
    if (data != values) __builtin_memcpy(data, values, static_cast<size_t>(n) * sizeof(float));
    return;
  }
  uint16_t* data = static_cast<uint16_t*>(out.data) + i;
  int64_t j = 0;
  for (; j + 16 <= n; j += 16) store_bf16(data + j, load(values + j));
  if (j == n) return;
  uint16_t last[16];
  store_bf16(last, load(values + j));
  __builtin_memcpy(data + j, last, static_cast<size_t>(n - j) * sizeof(uint16_t));
}

FL_INLINE void store_one(Sink out, int64_t i, float value) {
  if (out.element == Element::kF32) {
    static_cast<float*>(out.data)[i] = value;
  } else {
    uint16_t lanes[16];
    store_bf16(lanes, set1(value));
    static_cast<uint16_t*>(out.data)[i] = lanes[0];
  }
}

FL_INLINE Source source(const float* data) { return {data, Element::kF32}; }
FL_INLINE Sink sink(float* data) { return {data, Element::kF32}; }

// Sixteen elements from i on.
FL_INLINE Vec take(Source x, int64_t i) {
  return x.element == Element::kF32 ? load(static_cast<const float*>(x.data) + i)
                                    : load_bf16(static_cast<const uint16_t*>(x.data) + i);
}
FL_INLINE void put(Sink out, int64_t i, Vec v) {
  if (out.element == Element::kF32)
    store(static_cast<float*>(out.data) + i, v);
  else
    store_bf16(static_cast<uint16_t*>(out.data) + i, v);
}

// out[i] = f(a[i]) and out[i] = f(a[i], b[i]).
template <typename F>
FL_INLINE void map(Source a, Sink out, int64_t n, F f) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) put(out, i, f(take(a, i)));
  if (i == n) return;
  float values[16];
  store(values, f(load(read(a, i, n - i, 0, values))));
  write(out, i, n - i, values);
}
template <typename F>
FL_INLINE void map(Source a, Source b, Sink out, int64_t n, F f) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) put(out, i, f(take(a, i), take(b, i)));
  if (i == n) return;
  float values[16];
  float others[16];
  store(values, f(load(read(a, i, n - i, 0, values)), load(read(b, i, n - i, 0, others))));
  write(out, i, n - i, values);
}

[[maybe_unused]] void convert(Source x, Sink out, int64_t n) {
  map(x, out, n, [](Vec v) { return v; });
}

// Combines f(x[i]) of a row in a fixed order: four vectors of partial results that take whole vectors in turn, then a
// tree. `fill` pads the last vector and must leave a partial result as it is.
template <typename F, typename Join>
FL_INLINE Vec fold(Source x, int64_t n, float fill, float start, F f, Join join) {
  Vec parts[4] = {set1(start), set1(start), set1(start), set1(start)};
  float buffer[kPart];
  for (int64_t i = 0; i < n; i += kPart) {
    const int64_t count = smaller(kPart, n - i);
    const float* values = read(x, i, count, fill, buffer);
    int64_t j = 0;
    for (; j + 64 <= count; j += 64) {
      FL_UNROLL
      for (int p = 0; p < 4; ++p) parts[p] = join(parts[p], f(load(values + j + 16 * p)));
    }
    for (int p = 0; j < count; j += 16, ++p) parts[p] = join(parts[p], f(load(values + j)));
  }
  return join(join(parts[0], parts[1]), join(parts[2], parts[3]));
}
template <typename F>
FL_INLINE float fold_sum(Source x, int64_t n, float fill, F f) {
  return sum(fold(x, n, fill, 0, f, [](Vec a, Vec b) { return add(a, b); }));
}
template <typename F>
FL_INLINE float fold_max(Source x, int64_t n, float fill, F f) {
  return max_lane(fold(x, n, fill, -kInfinity, f, [](Vec a, Vec b) { return max(a, b); }));
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
