// Constants are those of the stack's kernels; where section 8.2 is silent, docs/tensix.md says what stands in.
#include "firstlight/device/tensix/functions.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace firstlight::device::tensix {
namespace {

constexpr std::uint32_t word_of(float x) { return std::bit_cast<std::uint32_t>(x); }
constexpr float value_of(std::uint32_t word) { return std::bit_cast<float>(word); }

constexpr std::uint32_t kOne = word_of(1.0F);
constexpr std::uint32_t kTwo = word_of(2.0F);
constexpr std::uint32_t kHalf = word_of(0.5F);
constexpr std::uint32_t kLog2E = word_of(1.442695F);

// Six intervals of |x|: gelu(x) - x / 2 = slope |x| + offset.
struct GeluInterval {
  float end;
  std::uint16_t slope;  // s e5 m10; exponent 31 encodes 0
  std::uint16_t offset;
};
constexpr GeluInterval kGelu[] = {{0.5F, 0x322B, 0x86D8}, {1.0F, 0x37E7, 0xB122}, {1.5F, 0x38F3, 0xB479},
                                  {2.0F, 0x38E1, 0xB437}, {3.0F, 0x3852, 0xAFA4}, {INFINITY, 0x3800, 0x7C00}};

// The LUT's half precision: no infinities, no subnormals.
std::uint32_t lut_word(std::uint16_t half) {
  const int exponent = half >> 10 & 31;
  if (exponent == 31) return 0;
  return join((half & 0x8000U) != 0, exponent + 112, static_cast<std::uint32_t>(half & 0x3FFU) << 13);
}

}  // namespace

std::uint32_t Sfpu::add(std::uint32_t a, std::uint32_t b) const { return mad(kOne, a, b); }

std::uint32_t Sfpu::store(std::uint32_t x) const {
  return sfpu_store(wide_ || approximate_ ? x : sfpu_round_bf16(x, rules_), wide_);
}

std::uint32_t Sfpu::exp(std::uint32_t x) const { return approximate_ ? exp_approximate(x) : exp_accurate(x); }

// A quadratic on [0, 1), squared back up; the reciprocal for negative x.
std::uint32_t Sfpu::exp_accurate(std::uint32_t x) const {
  constexpr std::uint32_t kQuadratic = 0x3F56594BU;  // 0.8373, a constant of the hardware
  constexpr std::uint32_t kLinear = 0x3F5D0000U;     // 0.863281 in bf16
  std::uint32_t v = x & ~kSignBit;
  int squares = 0;
  if (exponent_of(v) >= kBias) {
    squares = std::min(exponent_of(v) - kBias + 1, 8);
    v = (v & kMantissaBits) | (kBias - 1U) << 23;
  }
  std::uint32_t y = mad(mad(v, kQuadratic, kLinear), v, kOne);
  for (int i = 0; i < squares; ++i) y = mul(y, y);
  return negative(x) ? reciprocal(y) : y;
}

// 3 fraction bits of the power of two, linear between them.
std::uint32_t Sfpu::exp_approximate(std::uint32_t x) const {
  const float value = value_of(x);
  if (value >= 89.0F) return kInfinity;
  if (!(value >= -42.0F)) return 0;
  const float power = value_of(mad(x, kLog2E, word_of(127.0F)));
  return static_cast<std::uint32_t>(std::lrint(power * 8.0F)) << 20;
}

std::uint32_t Sfpu::reciprocal(std::uint32_t x) const {
  if (!seeded_) return reciprocal_by_mantissa(x);
  std::uint32_t y = sfpu_reciprocal_seed(x, rules_);
  const int steps = approximate_ ? 0 : wide_ ? 2 : 1;
  for (int i = 0; i < steps; ++i) {
    const std::uint32_t t = mad(x ^ kSignBit, y, kTwo);
    if (is_nan(t)) break;
    y = mul(y, t);
  }
  return y;
}

// Newton steps on the mantissa in [0.5, 1), then the exponent is put right.
std::uint32_t Sfpu::reciprocal_by_mantissa(std::uint32_t x) const {
  if (is_zero(x)) return (x & kSignBit) | kInfinity;
  if (exponent_of(x) == 255) return is_nan(x) ? x : x & kSignBit;
  const std::uint32_t v = kSignBit | (kBias - 1U) << 23 | (x & kMantissaBits);
  std::uint32_t r = mul(mad(v, kLog2E, kTwo), kLog2E);
  const int steps = approximate_ ? 1 : 2;
  for (int i = 0; i < steps; ++i) r = mul(mad(v, r, kTwo), r);
  const int exponent = exponent_of(r) + kBias - 1 - exponent_of(x);
  if (exponent <= 0) return x & kSignBit;
  return join(negative(x), std::min(exponent, 254), r & kMantissaBits);
}

std::uint32_t Sfpu::rsqrt(std::uint32_t x) const {
  if (is_zero(x)) return kInfinity;
  if (x == kInfinity) return 0;
  const std::uint32_t half_x = mul(x, kHalf);
  const auto newton = [&](std::uint32_t y) {  // y (1.5 - 0.5 x y y)
    return mul(y, mad(mul(half_x, y) ^ kSignBit, y, word_of(1.5F)));
  };
  if (!seeded_) {
    std::uint32_t y = 0x5F3759DFU - (x >> 1);
    for (int i = 0; i < 2; ++i) y = newton(y);
    return y;
  }
  if (approximate_) {
    const std::uint32_t y = 0x5F0B3892U - (x >> 1);
    return mul(y, mad(mul(x, y) ^ kSignBit, y, word_of(1.89099014875F)));
  }
  std::uint32_t y = 0x5F1110A0U - (x >> 1);
  const std::uint32_t c = mul(mul(x ^ kSignBit, y), y);
  y = mul(y, mad(c, mad(c, kOne, word_of(2.2533049F)), word_of(2.2825186F)));
  const std::uint32_t rest = mad(mul(x ^ kSignBit, y), y, kOne);  // 1 - x y y
  return mad(mul(y, kHalf), rest, y);
}

std::uint32_t Sfpu::sigmoid(std::uint32_t x) const { return reciprocal(add(kOne, exp(x ^ kSignBit))); }

std::uint32_t Sfpu::gelu_approximate(std::uint32_t x) const {
  const std::uint32_t magnitude = x & ~kSignBit;
  const auto* interval =
      std::ranges::find_if(kGelu, [&](const GeluInterval& i) { return !(value_of(magnitude) >= i.end); });
  if (interval == std::end(kGelu)) --interval;
  return mad(x, kHalf, mad(lut_word(interval->slope), magnitude, lut_word(interval->offset)));
}

std::uint32_t Sfpu::unary(op::UnaryKind kind, std::uint32_t x) const {
  switch (kind) {
    case op::UnaryKind::kSilu:
      return mul(x, sigmoid(x));
    case op::UnaryKind::kQuickGelu:
      return mul(x, sigmoid(mul(x, word_of(1.702F))));
    case op::UnaryKind::kSigmoid:
      return sigmoid(x);
    case op::UnaryKind::kExp:
      return exp(x);
    case op::UnaryKind::kSquare:
      return mul(x, x);
    case op::UnaryKind::kRsqrt:
      return rsqrt(x);
    case op::UnaryKind::kRelu:
      return negative(x) ? 0U : x;
    case op::UnaryKind::kGelu:
      if (approximate_) return gelu_approximate(x);
      [[fallthrough]];
    case op::UnaryKind::kGeluTanh:
    case op::UnaryKind::kTanh:  // the formula in fp32, since the stack's sequences are not transcribed
      return word_of(static_cast<float>(op::evaluate(kind, value_of(x))));
  }
  return 0;
}

}  // namespace firstlight::device::tensix
