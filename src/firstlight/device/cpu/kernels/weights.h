// Packed weights as operands of a product (pack.h says how they lie). Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/unrolled.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

constexpr int64_t kLine = 64;  // bytes of a cache line
// Into the second cache: the first has too few requests in flight to hide memory.
FL_INLINE void prefetch(const uint8_t* data, int64_t bytes) {
  for (int64_t line = 0; line < bytes; line += kLine) __builtin_prefetch(data + line, 0, 2);
}

FL_INLINE int least_byte(Bytes bytes) {
  uint8_t lanes[16];
  __builtin_memcpy(lanes, &bytes, sizeof(lanes));
  int least = 255;
  for (const uint8_t lane : lanes) least = lane < least ? lane : least;
  return least;
}
FL_INLINE int most_byte(Bytes bytes) {
  uint8_t lanes[16];
  __builtin_memcpy(lanes, &bytes, sizeof(lanes));
  int most = 0;
  for (const uint8_t lane : lanes) most = lane > most ? lane : most;
  return most;
}

// A weight comes in units of kUnit inputs, kUnitBytes each; lanes<j>() is the j-th of them for 16 columns, pair<j>()
// the j-th two (of two units where a unit is one input). A format with exponents has them in front of every 16 inputs,
// and its value is lanes<j>() kFactor 2^(E - 127) (2^(1 - m) included in the factor, every step exact); the others are
// their lanes. As many rows take them (blocked.h), one or two inputs together, some lie in memory already: kReady.
struct F32Weight {
  static constexpr bool kScaled = false;
  static constexpr int kReady = 1;
  static constexpr int kUnit = 1;
  static constexpr int64_t kUnitBytes = 64;
  template <int>
  FL_INLINE Vec lanes(const uint8_t* unit) {
    return load(reinterpret_cast<const float*>(unit));
  }
};
struct F16Weight {
  static constexpr bool kScaled = false;
  static constexpr int kReady = 0;
  static constexpr int kUnit = 1;
  static constexpr int64_t kUnitBytes = 32;
  template <int>
  FL_INLINE Vec lanes(const uint8_t* unit) {
    return load_f16(reinterpret_cast<const uint16_t*>(unit));
  }
};
struct Bf16Weight {
  static constexpr bool kScaled = false;
  static constexpr int kReady = 2;
  static constexpr int kUnit = 2;
  static constexpr int64_t kUnitBytes = 64;
  template <int kJ>
  FL_INLINE Vec lanes(const uint8_t* unit) {
    return pair_lanes<kJ>(unit);
  }
#if defined(FL_PAIRS)
  template <int>
  FL_INLINE Pair pair(const uint8_t* unit) {
    return load_pair(unit);
  }
#endif
};

constexpr int kGroup = 16;  // inputs whose exponents stand together

struct Bfp8Weight {
  static constexpr bool kScaled = true;
  static constexpr int kReady = 0;
  static constexpr int kUnit = 1;
  static constexpr int64_t kUnitBytes = 16;
  static constexpr int kFractionBits = 6;
  static constexpr float kFactor = 0x1p-6F;
  template <int>
  FL_INLINE Vec lanes(const uint8_t* unit) {
    return codes8(unit);
  }
#if defined(FL_PAIRS)
  template <int>
  FL_INLINE Pair pair(const uint8_t* unit) {
    return join(codes8(unit), codes8(unit + kUnitBytes));
  }
#endif
};
// Codes of fewer bits: a 32-bit word for the inputs of a column.
struct Bfp4Weight {
  static constexpr bool kScaled = true;
  static constexpr int kReady = 0;
  static constexpr int kUnit = 8;
  static constexpr int64_t kUnitBytes = 64;
  static constexpr int kFractionBits = 2;
  static constexpr float kFactor = kCodes<4> * 0x1p-2F;
  template <int kJ>
  FL_INLINE Vec lanes(const uint8_t* unit) {
    return codes<4, kJ>(unit);
  }
#if defined(FL_PAIRS)
  template <int kJ>
  FL_INLINE Pair pair(const uint8_t* unit) {
    return codes4_pair<kJ>(unit);
  }
#endif
};
struct Bfp2Weight {
  static constexpr bool kScaled = true;
  static constexpr int kReady = 0;
  static constexpr int kUnit = 16;
  static constexpr int64_t kUnitBytes = 64;
  static constexpr int kFractionBits = 0;
  static constexpr float kFactor = kCodes<2>;
  template <int kJ>
  FL_INLINE Vec lanes(const uint8_t* unit) {
    return codes<2, kJ>(unit);
  }
#if defined(FL_PAIRS)
  template <int kJ>
  FL_INLINE Pair pair(const uint8_t* unit) {
    return join(lanes<2 * kJ>(unit), lanes<2 * kJ + 1>(unit));
  }
#endif
};

// Of a panel.
template <typename W>
constexpr int64_t kGroupBytes = (W::kScaled ? kGroup : 0) + kGroup / W::kUnit* W::kUnitBytes;

// The values of the j-th input of a unit, its exponent being E.
template <typename W, int kJ>
FL_INLINE Vec value(const uint8_t* unit, [[maybe_unused]] uint8_t exponent) {
  const Vec lanes = W::template lanes<kJ>(unit);
  if constexpr (W::kScaled) {
    float scale;
    const uint32_t bits = static_cast<uint32_t>(exponent) << 23;
    __builtin_memcpy(&scale, &bits, sizeof(scale));
    return mul(mul(lanes, set1(W::kFactor)), set1(scale));
  } else {
    return lanes;
  }
}

// 2^(E - 127) kFactor of 16 inputs.
template <typename W>
FL_INLINE Vec group_scales(Bytes exponents_of_group) {
  return mul(exponents(exponents_of_group), set1(W::kFactor));
}

// -log2 kFactor.
template <typename W>
constexpr int kPowerBelow = [] {
  int power = 0;
  for (float factor = W::kFactor; factor < 1.0F; factor *= 2.0F) ++power;
  return power;
}();

template <typename Body>
FL_INLINE auto with_block_weight(WeightCode code, Body body) {
  switch (code) {
    case WeightCode::kBfp8:
      return body(Bfp8Weight{});
    case WeightCode::kBfp4:
      return body(Bfp4Weight{});
    default:
      return body(Bfp2Weight{});
  }
}
template <typename Body>
FL_INLINE auto with_weight(WeightCode code, Body body) {
  switch (code) {
    case WeightCode::kF32:
      return body(F32Weight{});
    case WeightCode::kF16:
      return body(F16Weight{});
    case WeightCode::kBf16:
      return body(Bf16Weight{});
    default:
      return with_block_weight(code, body);
  }
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
