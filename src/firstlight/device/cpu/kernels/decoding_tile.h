// The product of a tile that decodes the weights on its way and leaves them for the tiles that follow: what decoding
// takes then runs beside the products, on units that those leave idle. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/ahead.h"
#include "firstlight/device/cpu/kernels/decode.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

constexpr int64_t kMostSteps = kBlockFloats / (kTilePanels * kPanel);  // of a depth block

#if defined(FL_PAIRS)
constexpr int kGroupSteps = kGroup / 2;

// `count` groups from `first` on of kTilePanels panels that lie side by side in a bundle, and what scales them.
template <typename W>
struct CodedBlock {
  using Scale = CodeScale<W::kCodeBits>;
  static constexpr int kStepScales = 2 / Scale::kInputs;

  Groups groups;  // of the first panel
  int64_t first;
  int64_t count;
  // Of a unit more than there are, so that a loop may be one ahead.
  alignas(64) typename Scale::Type scales[kTilePanels][(kMostSteps + kMostUnitSteps) * kStepScales];

  const uint8_t* codes(int64_t group) const { return groups.codes(first + group); }
};
// False where a number may be too small for its scale.
template <typename W>
FL_INLINE bool scale_block(CodedBlock<W>& block) {
  using Scale = CodeScale<W::kCodeBits>;
  bool small = false;
  for (int64_t group = 0; group < block.count; ++group)
    for (int64_t p = 0; p < kTilePanels; ++p) {
      const uint8_t* exponents_of_group = block.groups.exponents(block.first + group) + p * kGroup;
      for (int i = 0; i < kGroup; i += 16) small |= any_below(load_bytes(exponents_of_group + i), kLeastNormal);
      for (int i = 0; i < kGroup; i += Pairs::kScaled)
        store_code_scales<W::kCodeBits>(exponents_of_group + i,
                                        block.scales[p] + (group * kGroup + i) / Scale::kInputs);
    }
  for (auto& of_panel : block.scales)
    for (int i = 0; i < W::kUnit / Scale::kInputs; ++i) of_panel[block.count * kGroup / Scale::kInputs + i] = {};
  return !small;
}

// acc [kRows][kTilePanels][16] += x [steps][kRows] by the block, whose pairs it leaves in `w`, [steps][16] for each
// panel, w_stride apart. Units of codes are decoded one ahead of the products; behind the last is room for another.
template <typename W, int kRows>
__attribute__((noinline)) void multiply_decoding(const uint32_t* x, const CodedBlock<W>& block, float* w,
                                                 int64_t w_stride, float* results, int64_t results_stride,
                                                 const Ahead& ahead) {
  constexpr int kSteps = W::kUnit / 2;  // of a unit
  constexpr int kUnits = kGroup / W::kUnit;
  AskAhead<kTilePanels> ask(ahead);
  const uint8_t* unit = block.codes(0);
  const int64_t unit_stride = block.groups.word_stride();
  const int64_t exponents_bytes = block.groups.panels * kGroup;  // between groups
  const auto* scales = block.scales[0];
  constexpr int64_t kScalesStride = sizeof(block.scales[0]) / sizeof(*scales);
  const auto decode = [&](auto p, int64_t step) FL_STEP {
    decode_unit<W>(unit + p.value * kWordBytes, scales + p.value * kScalesStride + step * CodedBlock<W>::kStepScales,
                   w + p.value * w_stride + step * kPanel);
  };
  Vec acc[kRows][kTilePanels];
  unrolled_pairs<kRows, kTilePanels>([&](auto r, auto p) FL_STEP {
    acc[r.value][p.value] = load(results + r.value * results_stride + p.value * kPanel);
  });
  unrolled<kTilePanels>([&](auto p) FL_STEP { decode(p, 0); });
  for (int64_t group = 0; group < block.count; ++group)
    for (int i = 1; i <= kUnits; ++i) {
      unit += unit_stride;
      if (i == kUnits) unit = group + 1 < block.count ? unit + exponents_bytes : block.codes(0);
      unrolled<kSteps>([&](auto s) FL_STEP {
        ask.step();
        constexpr int kApart = kSteps / kTilePanels;  // a panel's unit lies some steps behind the other's
        if constexpr (s.value % kApart == 0) decode(Index<s.value / kApart>{}, kSteps);
        unrolled_pairs<kRows, kTilePanels>([&](auto r, auto p) FL_STEP {
          acc[r.value][p.value] = dot_pairs(acc[r.value][p.value], x[s.value * kRows + r.value],
                                            load_pair(w + p.value * w_stride + s.value * kPanel));
        });
      });
      x += kSteps * kRows;
      w += kSteps * kPanel;
      scales += kSteps * CodedBlock<W>::kStepScales;
    }
  unrolled_pairs<kRows, kTilePanels>([&](auto r, auto p) FL_STEP {
    store(results + r.value * results_stride + p.value * kPanel, acc[r.value][p.value]);
  });
}
#endif

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
