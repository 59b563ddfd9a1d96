// Weights spread out as floats or pairs, once for many rows. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/product.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

constexpr int kLeastNormal = 33;  // from here on scales, and codes by them, are normal numbers

// In::kScaled inputs of a group, whose words are `stride` bytes apart, as floats [inputs][16 lanes] or pairs [inputs /
// 2][16 lanes]. Scales go by way of memory, from where a broadcast costs no arithmetic; the compiler would keep them in
// a register and permute it.
template <typename In, typename W>
FL_INLINE void decode_inputs(const uint8_t* exponents_of_inputs, const uint8_t* codes, int64_t stride, float* out) {
  constexpr int kInputs = In::kScaled;
  const auto unit = [&](auto i) FL_STEP { return codes + i.value / W::kUnit * stride; };
  bool small = false;
  for (int i = 0; i < kInputs; i += 16) small |= any_below(load_bytes(exponents_of_inputs + i), kLeastNormal);
  const auto in_full = [&](auto i)
                           FL_STEP { return value<W, i.value % W::kUnit>(unit(i), exponents_of_inputs[i.value]); };
#if defined(FL_PAIRS)
  if constexpr (In::kTogether == 2) {
    if (small) {
      unrolled<kInputs / 2>([&](auto i) FL_STEP {
        store_pair(out + i.value * kPanel, join(in_full(Index<2 * i.value>{}), in_full(Index<2 * i.value + 1>{})));
      });
      return;
    }
    using Scale = CodeScale<W::kCodeBits>;
    typename Scale::Type scales[kInputs / Scale::kInputs];
    store_code_scales<W::kCodeBits>(exponents_of_inputs, scales);
    asm volatile("" : "+m"(scales));
    unrolled<kInputs / W::kUnit>([&](auto i) FL_STEP {
      constexpr int kFirst = i.value * W::kUnit;
      decode_unit<W>(unit(Index<kFirst>{}), scales + kFirst / Scale::kInputs, out + kFirst / 2 * kPanel);
    });
    return;
  }
#endif
  if constexpr (In::kTogether == 1) {
    if (small) {
      unrolled<kInputs>([&](auto i) FL_STEP { store(out + i.value * kPanel, in_full(i)); });
      return;
    }
    float scales[kInputs];
    store(scales, group_scales<W>(load_bytes(exponents_of_inputs)));
    asm volatile("" : "+m"(scales));
    unrolled<kInputs>([&](auto i) FL_STEP {
      store(out + i.value * kPanel, mul(W::template lanes<i.value % W::kUnit>(unit(i)), set1(scales[i.value])));
    });
  }
}

// The inputs [k, k + depth) of one panel to out [depth / kTogether][16 lanes], whole groups of a format with exponents;
// k starts a group.
template <typename In, typename W>
void decode_panel(const PanelWeight& weight, int64_t panel, int64_t k, int64_t depth, float* out) {
  if constexpr (W::kScaled) {
    const Groups groups = groups_of<W>(weight, panel);
    for (int64_t i = 0; i < depth; i += kGroup) {
      const int64_t group = (k + i) / kGroup;
      const int64_t stride = groups.word_stride();
      for (int j = 0; j < kGroup; j += In::kScaled, out += In::kScaled / In::kTogether * kPanel)
        decode_inputs<In, W>(groups.exponents(group) + j, groups.codes(group) + j / W::kUnit * stride, stride, out);
    }
  } else {
    const uint8_t* data = weight.data + panel * weight.panel_bytes + k / W::kUnit * W::kUnitBytes;
    constexpr int kUnit = W::kUnit < In::kTogether ? In::kTogether : W::kUnit;
    for (int64_t i = 0; i < depth; i += kUnit, data += W::kUnitBytes, out += kUnit / In::kTogether * kPanel) {
#if defined(FL_PAIRS)
      if constexpr (In::kTogether == 2) {
        store_pair(out, W::template pair<0>(data));
        continue;
      }
#endif
      if constexpr (In::kTogether == 1)
        unrolled<kUnit>([&](auto j) FL_STEP { store(out + j.value * kPanel, W::template lanes<j.value>(data)); });
    }
  }
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
