// Weights spread out as floats or pairs, once for many rows. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/product.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

// The 16 inputs of a group, as floats [16][16 lanes] or pairs [8][16 lanes]. Scales go by way of memory, from where
// a broadcast costs no arithmetic; the compiler would keep them in a register and permute it.
template <typename In, typename W>
FL_INLINE void decode_group(const uint8_t* group, float* out) {
  constexpr int kLeastScale = 33;  // from here on scales, and codes by them, are normal numbers
  const uint8_t* codes = group + kGroup;
  const auto unit = [&](auto i) FL_STEP { return codes + i.value / W::kUnit * W::kUnitBytes; };
  const auto each = [&](const auto& input) FL_STEP {
    unrolled<kGroup / In::kTogether>([&](auto i) FL_STEP {
#if defined(FL_PAIRS)
      if constexpr (In::kTogether == 2) {
        store_pair(out + i.value * kPanel, join(input(Index<2 * i.value>{}), input(Index<2 * i.value + 1>{})));
        return;
      }
#endif
      if constexpr (In::kTogether == 1) store(out + i.value * kPanel, input(i));
    });
  };
  if (any_below(load_bytes(group), kLeastScale)) {
    each([&](auto i) FL_STEP { return value<W, i.value % W::kUnit>(unit(i), group[i.value]); });
    return;
  }
#if defined(FL_PAIRS)
  if constexpr (In::kTogether == 2 && W::kUnit == 8) {
    uint32_t shifts[kGroup / 2];
    store_shifts(shifts, pair_shifts(load_bytes(group), kPowerBelow<W>));
    asm volatile("" : "+m"(shifts));
    unrolled<kGroup / 2>([&](auto i) FL_STEP {
      const Pair pair = W::template pair<i.value % 4>(codes + i.value / 4 * W::kUnitBytes);
      store_pair(out + i.value * kPanel, scale_pair(pair, shifts[i.value]));
    });
    return;
  }
#endif
  float scales[kGroup];
  store(scales, group_scales<W>(load_bytes(group)));
  asm volatile("" : "+m"(scales));
  each([&](auto i) FL_STEP { return mul(W::template lanes<i.value % W::kUnit>(unit(i)), set1(scales[i.value])); });
}

// The inputs [k, k + depth) of one panel to out [depth / kTogether][16 lanes], whole groups of a format with exponents;
// k starts a group.
template <typename In, typename W>
void decode_panel(const PanelWeight& weight, int64_t panel, int64_t k, int64_t depth, float* out) {
  const uint8_t* data = weight.data + panel * weight.panel_bytes + k / kGroup * kGroupBytes<W>;
  if constexpr (W::kScaled) {
    for (int64_t i = 0; i < depth; i += kGroup, data += kGroupBytes<W>, out += kGroup / In::kTogether * kPanel)
      decode_group<In, W>(data, out);
  } else {
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
