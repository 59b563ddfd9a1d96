// Element-wise rows and reductions. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/math.h"

extern "C" double erfc(double x) noexcept;

namespace firstlight::device::cpu::FL_ISA {
namespace {

// x Phi(x) = x / 2 erfc(-x / sqrt 2), in double, one lane at a time.
FL_INLINE Vec gelu(Vec x) {
  float lanes[16];
  store(lanes, x);
  for (float& lane : lanes) {
    const double wide = static_cast<double>(lane);
    lane = static_cast<float>(0.5 * wide * erfc(-0.70710678118654752440 * wide));
  }
  return load(lanes);
}

// Calls body(f) with the function of the code, so that each gets a loop of its own.
template <typename Body>
FL_INLINE void with_unary(UnaryCode code, Body body) {
  switch (code) {
    case UnaryCode::kSilu:
      return body([](Vec x) { return div(x, add(set1(1.0F), exp(sub(zero(), x)))); });
    case UnaryCode::kGelu:
      return body([](Vec x) { return gelu(x); });
    case UnaryCode::kGeluTanh:
      // 0.5 (1 + tanh y) = 1 / (1 + e^-2y)
      return body([](Vec x) {
        const Vec cube = mul(mul(x, x), x);
        const Vec y = mul(set1(1.5957691216057308F), fma(set1(0.044715F), cube, x));  // 2 sqrt(2 / pi)
        return div(x, add(set1(1.0F), exp(sub(zero(), y))));
      });
    case UnaryCode::kQuickGelu:
      return body([](Vec x) { return div(x, add(set1(1.0F), exp(mul(set1(-1.702F), x)))); });
    case UnaryCode::kRelu:
      return body([](Vec x) { return max(zero(), x); });
    case UnaryCode::kTanh:
      return body([](Vec x) { return tanh(x); });
    case UnaryCode::kSigmoid:
      return body([](Vec x) { return sigmoid(x); });
    case UnaryCode::kExp:
      return body([](Vec x) { return exp(x); });
    case UnaryCode::kSquare:
      return body([](Vec x) { return mul(x, x); });
    case UnaryCode::kRsqrt:
      return body([](Vec x) { return div(set1(1.0F), sqrt(x)); });
  }
}

void unary(UnaryCode code, Source x, Sink out, int64_t n) {
  with_unary(code, [&](auto f) { map(x, out, n, f); });
}

void gated(UnaryCode code, Source gate, Source up, Sink out, int64_t n) {
  with_unary(code, [&](auto f) { map(gate, up, out, n, [&](Vec g, Vec u) { return mul(f(g), u); }); });
}

template <typename F>
FL_INLINE void binary_rows(Source a, Source b, bool one_b, Sink out, int64_t n, F f) {
  if (one_b) {
    const Vec value = set1(load_one(b, 0));
    map(a, out, n, [&](Vec x) { return f(x, value); });
  } else {
    map(a, b, out, n, f);
  }
}

void binary(BinaryCode code, Source a, Source b, bool one_b, Sink out, int64_t n) {
  if (n == 0) return;
  switch (code) {
    case BinaryCode::kAdd:
      return binary_rows(a, b, one_b, out, n, [](Vec x, Vec y) { return add(x, y); });
    case BinaryCode::kSubtract:
      return binary_rows(a, b, one_b, out, n, [](Vec x, Vec y) { return sub(x, y); });
    case BinaryCode::kMultiply:
      return binary_rows(a, b, one_b, out, n, [](Vec x, Vec y) { return mul(x, y); });
  }
}

void affine(float scale, float offset, Source x, Sink out, int64_t n) {
  const Vec s = set1(scale);
  const Vec o = set1(offset);
  map(x, out, n, [&](Vec v) { return fma(v, s, o); });
}

float reduce(ReduceCode code, Source x, int64_t n) {
  const auto same = [](Vec v) { return v; };
  return code == ReduceCode::kSum ? fold_sum(x, n, 0, same) : fold_max(x, n, -kInfinity, same);
}

void exponent_range(const float* x, int64_t n, int* lowest, int* highest) {
  uint32_t least = UINT32_MAX;
  uint32_t most = 0;
  for (int64_t i = 0; i < n; ++i) {
    uint32_t bits;
    __builtin_memcpy(&bits, x + i, sizeof(bits));
    bits &= 0x7FFFFFFFU;
    most = most > bits ? most : bits;
    bits -= 1;  // zero is no value: it becomes the largest
    least = least < bits ? least : bits;
  }
  const int low = least == UINT32_MAX ? 255 : static_cast<int>((least + 1) >> 23);
  const int high = static_cast<int>(most >> 23);
  *lowest = low < *lowest ? low : *lowest;
  *highest = high > *highest ? high : *highest;
}

// The part of a row that starts at element i.
FL_INLINE Source from(Source x, int64_t i) {
  const int64_t bytes = x.element == Element::kF32 ? 4 : 2;
  return {static_cast<const uint8_t*>(x.data) + i * bytes, x.element};
}
FL_INLINE Sink from(Sink x, int64_t i) {
  const int64_t bytes = x.element == Element::kF32 ? 4 : 2;
  return {static_cast<uint8_t*>(x.data) + i * bytes, x.element};
}
FL_INLINE void fill_zero(Sink x, int64_t begin, int64_t end) {
  const int64_t bytes = x.element == Element::kF32 ? 4 : 2;
  if (end > begin)
    __builtin_memset(static_cast<uint8_t*>(x.data) + begin * bytes, 0, static_cast<size_t>((end - begin) * bytes));
}

// out = e^(x scale - max) / sum over the columns [begin, end), 0 elsewhere. The exponentials are taken twice rather
// than kept, so that a bf16 output is rounded once.
void softmax(float scale, Source x, Sink out, int64_t n, int64_t begin, int64_t end) {
  if (begin >= end) return fill_zero(out, 0, n);
  fill_zero(out, 0, begin);
  fill_zero(out, end, n);
  const Vec s = set1(scale);
  const Source valid = from(x, begin);
  // What fills a tail must not win: the other infinity under a negative scale, and anything where all are 0.
  const float fill = scale == 0 ? 0 : scale < 0 ? kInfinity : -kInfinity;
  const float largest = fold_max(valid, end - begin, fill, [&](Vec v) { return mul(v, s); });
  const Vec top = set1(largest);
  const auto exponential = [&](Vec v) { return exp(sub(mul(v, s), top)); };
  const int64_t whole = (end - begin) / 16 * 16;
  float total = fold_sum(valid, whole, 0, exponential);
  for (int64_t i = whole; i < end - begin; ++i) {
    float lanes[16];
    store(lanes, exponential(set1(load_one(valid, i))));
    total += lanes[0];
  }
  const Vec divisor = set1(total);
  map(valid, from(out, begin), end - begin, [&](Vec v) { return div(exponential(v), divisor); });
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
