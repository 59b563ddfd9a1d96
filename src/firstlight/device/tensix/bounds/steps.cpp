// Each instruction's share of error.
#include "firstlight/device/tensix/bounds/steps.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "firstlight/device/tensix/rows.h"

namespace firstlight::device::tensix {
namespace {

constexpr double kExpSmall = 0.0128;      // |x| < 1/2: the quadratic, relative
constexpr double kExpSquared = 0.0068;    // on [1/2, 1), ahead of the squarings
constexpr double kExpApproximate = 0.12;  // 3 fraction bits of the power, linear between powers
constexpr double kExpVanishes = 6e-19;    // exp(-42)
constexpr double kGeluTable = 0.03;       // six straight lines
constexpr double kSteepest = 1.13;        // of GELU's derivative

Near carried_product(Near a, Near b) {
  return {a.value * b.value, std::abs(a.value) * b.error + std::abs(b.value) * a.error + a.error * b.error};
}

}  // namespace

Near host_constant(double exact) {
  const auto value = static_cast<float>(exact);
  return {exact, std::abs(exact - double{std::bit_cast<float>(host_bf16(value))})};
}

Near Steps::source(Near x, Format l1) const {
  return l1 == Format::f32 ? rounded(x, wide_ ? kCutToTf32 : kCutToBf16) : x;
}

Near Steps::load(Near x, Format l1) const { return l1 == Format::f32 && !wide_ ? rounded(x, kCutToBf16) : x; }

Near Steps::to_l1(Near dst, Format l1) const {
  return wide_ && l1 != Format::f32 ? rounded(dst, kToBf16) : dst;  // a 16-bit Dst holds bf16 already
}

Near Steps::mul(Near a, Format a_format, Near b, Format b_format) const {
  Near product = carried_product(source(a, a_format), source(b, b_format));
  const double step = wide_ ? kWideStep : kToBf16 + 2 * kAligned;
  product.error += (phase_loss(phases_) + phases_ * step) * product.top() + kFlushed;
  return product;
}

Near Steps::add(Near a, Format a_format, Near b, Format b_format) const {
  a = source(a, a_format);
  b = source(b, b_format);
  Near sum{a.value + b.value, a.error + b.error + kAligned * std::max(a.top(), b.top()) + kFlushed};
  return rounded(sum, wide_ ? kWideStep : kToBf16);
}

// Products are aligned in groups of 8, at most 7 of them inexactly; each phase of each 16 is one step into Dst. With a
// Wormhole's 32-bit Dst a total of -1 ulp comes out at 16 times the largest exponent: possible where the sum so far may
// be that small and terms of both signs have met.
Near Steps::reduce_sum(std::span<const Near> x, Format format, Near scaler, bool positive) const {
  constexpr double kGroup = 7 * kAligned * (1 + 0x1p-5 + 0x1p-7 + 0x1p-12);
  constexpr std::size_t kFace = 16;
  Near sum;
  for (std::size_t begin = 0; begin < x.size(); begin += kFace) {
    double largest[2] = {0, 0};
    double magnitude = 0;
    Near face;
    for (std::size_t i = begin; i < std::min(x.size(), begin + kFace); ++i) {
      const Near datum = source(x[i], format);
      const Near product = carried_product(datum, scaler);
      face.value += product.value;
      face.error += product.error;
      magnitude += product.top();
      double& group = largest[(i - begin) / 8];
      group = std::max(group, product.top());
    }
    sum.value += face.value;
    sum.error += face.error + phase_loss(phases_) * magnitude + kGroup * (largest[0] + largest[1]) + kFlushed;
    const double exponent = std::max({largest[0], largest[1], sum.top()});
    const double before = sum.top();
    sum.error += phases_ * (wide_ ? 4 * kWideStep * exponent : 3 * kAligned * exponent + kToBf16 * before);
    if (wide_ && lost_ulp_ && !positive && std::abs(sum.value) <= sum.error + phase_loss(1) * magnitude)
      sum.error =
          std::max(sum.error, std::abs(sum.value) + 16 * 1.01 * (std::abs(face.value) + face.error + magnitude));
  }
  sum = rounded(sum, wide_ && format == Format::f32 ? kCutToTf32 : kCutToBf16);  // moved through SrcB
  return rounded(sum, wide_ ? kWideStep : 0);
}

Near Steps::mad(Near a, Near b, Near c) const {
  const Near product = carried_product(a, b);
  return {product.value + c.value, product.error + c.error + kSfpu * (product.top() + c.top()) + kFlushed};
}

Near Steps::sfpu_store(Near x) const {
  return wide_ ? Near{x.value, x.error + kFlushed} : rounded(x, approximate_ ? kCutToBf16 : kToBf16);
}

double Steps::reciprocal_loss() const {
  if (!seeded_) return approximate_ ? 0.0385 : 0.0015;
  return approximate_ ? 0x1p-7 : wide_ ? 0x1p-20 : 0x1p-13;
}

double Steps::rsqrt_loss() const {
  if (!seeded_) return 5e-6;
  return approximate_ ? 0.003 : 2e-6;
}

double Steps::exp_loss(double magnitude) const {
  if (approximate_) return kExpApproximate;
  int squarings = 0;
  for (double v = magnitude; v >= 1 && squarings < 8; v /= 2) ++squarings;
  const double quadratic = squarings == 0 ? kExpSmall : kExpSquared;
  const double log_error = std::ldexp(-std::log1p(-quadratic) + 2 * kSfpu, squarings);
  return std::exp(log_error) * (1 + reciprocal_loss()) - 1;
}

Near Steps::exp(Near x) const {
  const double value = std::exp(x.value);
  if (x.error > 600) return {value, kUnbounded};
  const double loss = exp_loss(x.top());
  const double vanished = approximate_ ? kExpVanishes : 1e-50;
  return {value, value * (std::expm1(x.error) * (1 + loss) + loss) + vanished};
}

Near Steps::reciprocal(Near x) const {
  const double value = 1 / x.value;
  if (!(std::abs(x.value) > x.error)) return {value, kUnbounded};
  const double loss = reciprocal_loss();
  const double carried = x.error / (std::abs(x.value) - x.error);
  return {value, std::abs(value) * (carried * (1 + loss) + loss) + kFlushed};
}

Near Steps::rsqrt(Near x, double least) const {
  const double value = 1 / std::sqrt(x.value);
  const double low = std::max(x.value - x.error, least);
  if (!(low > 0)) return {value, kUnbounded};
  const double carried = std::max(0.0, 1 / std::sqrt(low) - value) + (value - 1 / std::sqrt(x.value + x.error));
  const double loss = rsqrt_loss();
  return {value, carried + loss * (value + carried) + kFlushed};
}

Near Steps::sigmoid(Near x) const {
  Near result = reciprocal(mad({1, 0}, {1, 0}, exp({-x.value, x.error})));
  result.error = std::min(result.error, 1.2 + std::abs(result.value));  // the chip's lies in [0, 1.2]
  return result;
}

Near Steps::unary(op::UnaryKind kind, Near x) const {
  const auto exact = [&] { return op::evaluate(kind, x.value); };
  switch (kind) {
    case op::UnaryKind::kSilu:
      return mad(x, sigmoid(x), {});
    case op::UnaryKind::kQuickGelu:
      return mad(x, sigmoid(mad(x, {1.702, kSfpu}, {})), {});
    case op::UnaryKind::kSigmoid:
      return sigmoid(x);
    case op::UnaryKind::kExp:
      return exp(x);
    case op::UnaryKind::kSquare:
      return mad(x, x, {});
    case op::UnaryKind::kRsqrt:
      return rsqrt(x);
    case op::UnaryKind::kRelu:
      return {exact(), x.error};
    case op::UnaryKind::kGelu:
      if (approximate_) return {exact(), kSteepest * x.error + kGeluTable + kSfpu * x.top()};
      [[fallthrough]];
    case op::UnaryKind::kGeluTanh:
    case op::UnaryKind::kTanh:  // the formula in double, rounded to fp32
      return rounded({exact(), kSteepest * x.error}, kSfpu);
  }
  return x;
}

}  // namespace firstlight::device::tensix
