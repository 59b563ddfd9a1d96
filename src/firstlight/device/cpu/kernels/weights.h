// Packed weights as operands of a product (pack.h says how they lie). Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/unrolled.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

// The line that holds data[0], into the second cache: the first has too few requests in flight to hide memory, and for
// the same reason lines are asked for one at a time, as their place is passed. A compiler would gather the requests.
FL_INLINE void prefetch(const uint8_t* data) {
#if defined(__x86_64__)
  asm volatile("prefetcht1 %0" : : "m"(*data) : "memory");
#else
  __builtin_prefetch(data, 0, 2);
#endif
}

// The least and the largest of the exponents of some groups.
struct ExponentRange {
  typedef uint8_t Lanes __attribute__((vector_size(kGroup)));
  Lanes least = Lanes{} + uint8_t{255};
  Lanes most = {};
};
FL_INLINE void widen(ExponentRange& range, const uint8_t* exponents_of_group) {
  ExponentRange::Lanes lanes;
  __builtin_memcpy(&lanes, exponents_of_group, sizeof(lanes));
  range.least = lanes < range.least ? lanes : range.least;
  range.most = lanes > range.most ? lanes : range.most;
}
FL_INLINE int least_of(const ExponentRange& range) {
  int least = 255;
  for (int i = 0; i < kGroup; ++i) least = range.least[i] < least ? range.least[i] : least;
  return least;
}
FL_INLINE int most_of(const ExponentRange& range) {
  int most = 0;
  for (int i = 0; i < kGroup; ++i) most = range.most[i] > most ? range.most[i] : most;
  return most;
}

// A weight comes in units of kUnit inputs, kUnitBytes each; lanes<j>() is the j-th of them for 16 columns, pair<j>()
// the j-th two. A format with exponents has them in front of every kGroup inputs, and its value is lanes<j>() kFactor
// 2^(E - 127), or of a pair 2^(E - 127 - kPowerBelow) (2^(1 - m) included in the factor, every step exact); the others
// are their lanes. As many rows take them (blocked.h), one or two inputs together, some lie in memory already: kReady.
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

// Codes with exponents: a 32-bit word for the inputs of a column.
template <int kBits>
struct BlockWeight {
  static constexpr bool kScaled = true;
  static constexpr int kReady = 0;
  static constexpr int kUnit = 32 / kBits;
  static constexpr int64_t kUnitBytes = kWordBytes;
  static constexpr int kCodeBits = kBits;
  static constexpr float kOne = 1.0F / static_cast<float>(1 << (kBits - 2));  // a code of 1
  static constexpr float kFactor = kCodes<kBits> * kOne;
  template <int kJ>
  FL_INLINE Vec lanes(const uint8_t* unit) {
    return codes<kBits, kJ>(unit);
  }
#if defined(FL_PAIRS)
  template <int kJ>
  FL_INLINE Pair pair(const uint8_t* unit) {
    return codes_pair<kBits, kJ>(unit);
  }
#endif
};
using Bfp8Weight = BlockWeight<8>;
using Bfp4Weight = BlockWeight<4>;
using Bfp2Weight = BlockWeight<2>;

// Of a panel.
template <typename W>
constexpr int64_t kGroupBytes = (W::kScaled ? kGroup : 0) + kGroup / W::kUnit* W::kUnitBytes;

// A panel of a block format.
struct Groups {
  const uint8_t* first;
  int64_t stride;
  int64_t panels;  // of its bundle
  const uint8_t* exponents(int64_t group) const { return first + group * stride; }
  const uint8_t* codes(int64_t group) const { return exponents(group) + panels * kGroup; }
  int64_t word_stride() const { return panels * kWordBytes; }
};
template <typename W>
FL_INLINE Groups groups_of(const PanelWeight& weight, int64_t panel) {
  const BundlePlace place = bundle_place(panel, weight.n, weight.panel_bytes, kGroupBytes<W>);
  return {weight.data + place.first, place.group_stride, place.panels};
}
constexpr int64_t kBundleAhead = 8192;  // bytes, how far ahead of few rows the lines of a bundle are asked for

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

#if defined(FL_PAIRS)
// The values of a unit, by the scales of its inputs, to out [kUnit / 2][16 lanes].
template <typename W>
FL_INLINE void decode_unit(const uint8_t* unit, const typename CodeScale<W::kCodeBits>::Type* scales, float* out) {
  unrolled<W::kUnit / 2>(
      [&](auto i) FL_STEP { store_pair(out + i.value * kPanel, scaled_codes<W::kCodeBits, i.value>(unit, scales)); });
}
#endif

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
