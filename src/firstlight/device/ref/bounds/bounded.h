// Running error analysis: a number, and how far a float32 computation of it may be off. Each operation adds what its
// own rounding can add to what its operands bring.
#pragma once

#include <cmath>
#include <numbers>

#include "firstlight/op/elementwise.h"

namespace firstlight::device::ref {

inline constexpr double kUnit = 0x1p-24;        // half an ulp, relative: one rounding to nearest
inline constexpr double kUnderflow = 0x1p-126;  // a result below the normal numbers may become 0
inline constexpr double kExpError = 8 * kUnit;  // exp, rsqrt: 4 ulp
inline constexpr double kClamp = 0x1p-124;      // exp implementations clamp their argument near -87.3

// (1 + u)^n - 1 <= n u / (1 - n u): n roundings in a row.
inline double gamma(double n) { return n * kUnit / (1 - n * kUnit); }

struct Bounded {
  double value = 0;
  double error = 0;
};

inline Bounded rounded(double value, double carried) {
  return {value, carried + kUnit * (std::abs(value) + carried) + kUnderflow};
}
inline Bounded constant(double value) { return {value, kUnit * std::abs(value)}; }  // not a float in general

inline Bounded operator+(Bounded a, Bounded b) { return rounded(a.value + b.value, a.error + b.error); }
inline Bounded operator-(Bounded a, Bounded b) { return rounded(a.value - b.value, a.error + b.error); }
inline Bounded operator*(Bounded a, Bounded b) {
  return rounded(a.value * b.value, std::abs(a.value) * b.error + std::abs(b.value) * a.error + a.error * b.error);
}

inline Bounded exp(Bounded x) {
  const double value = std::exp(x.value);
  return {value, value * (std::expm1(x.error) + kExpError * std::exp(x.error)) + kClamp};
}

// s = 1 / (1 + e), e = exp(-x): ds/s = -(1 - s) de/e, then an addition and a division; s' <= s.
inline Bounded sigmoid(Bounded x) {
  const double value = 1 / (1 + std::exp(-x.value));
  return {value, value * ((1 - value) * (std::expm1(x.error) + 2 * kExpError) + 4 * kUnit) + kClamp};
}

// 1 - 2 sigmoid(-2 x), which is exact to a few ulp of 1 and no more near 0.
inline Bounded tanh(Bounded x) {
  const Bounded tail = sigmoid({-2 * x.value, 2 * x.error});
  return {std::tanh(x.value), 2 * tail.error + 2 * kUnit};
}

// Polynomials of erf are good to 4 ulp of 1; |erf'| <= 2 / sqrt(pi).
inline Bounded erf(Bounded x) { return {std::erf(x.value), 8 * kUnit + 2 * std::numbers::inv_sqrtpi * x.error}; }

Bounded unary(op::UnaryKind kind, Bounded x);

}  // namespace firstlight::device::ref
