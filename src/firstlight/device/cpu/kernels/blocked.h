// The linear product of many rows: a part of a weight is decoded once for a block of rows, whose inputs lie in tiles of
// a few rows each. The chains are those of product.h. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/product.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

// ---- Tiles of inputs -------------------------------------------------------------------------------------------

void pack_floats(const Source* rows, int64_t count, int64_t k, float* tile) {
  float buffer[kPart];
  for (int64_t r = 0; r < count; ++r)
    for (int64_t first = 0; first < k; first += kPart) {
      const int64_t part = smaller(kPart, k - first);
      const float* x = read(rows[r], first, part, 0, buffer);
      float* out = tile + first * count + r;
      for (int64_t i = 0; i < part; ++i) out[i * count] = x[i];
    }
}

void pack_pairs(const Source* rows, int64_t count, int64_t k, uint32_t* tile) {
  for (int64_t r = 0; r < count; ++r) {
    const auto* x = static_cast<const uint16_t*>(rows[r].data);
    uint32_t* out = tile + r;
    for (int64_t i = 0; i < k / 2; ++i) __builtin_memcpy(out + i * count, x + 2 * i, sizeof(uint32_t));
    if (k % 2 != 0) out[k / 2 * count] = x[k - 1];
  }
}

#if defined(FL_TILES)
void pack_tiles(const Source* rows, int64_t count, int64_t k, uint16_t* tile);
#endif

void pack_tile(Inputs inputs, const Source* rows, int64_t count, int64_t k, void* tile) {
  if (inputs == Inputs::kFloats) {
    pack_floats(rows, count, k, static_cast<float*>(tile));
#if defined(FL_TILES)
  } else if (inputs == Inputs::kTiles) {
    pack_tiles(rows, count, k, static_cast<uint16_t*>(tile));
#endif
  } else {
    pack_pairs(rows, count, k, static_cast<uint32_t*>(tile));
  }
}

// ---- Weights as floats or pairs --------------------------------------------------------------------------------

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
    pair_shifts(load_bytes(group), W::kFractionBits, shifts);
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
  const uint8_t* data = weight.data + panel * weight.panel_bytes + unit_offset<W>(k) - (W::kScaled ? kGroup : 0);
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

// ---- The product of a tile -------------------------------------------------------------------------------------

#if defined(FL_PAIRS)
FL_INLINE Vec step(Pairs, Vec acc, uint32_t x, const float* w) { return dot_pairs(acc, x, load_pair(w)); }
#endif
FL_INLINE Vec step(Floats, Vec acc, float x, const float* w) { return fma(set1(x), load(w), acc); }

// acc [rows][kPanels][16] += x [steps][rows] w [kPanels][steps][16].
template <typename In, int kRows, int kPanels>
void multiply_tile(const typename In::Input* x, const float* w, int64_t w_stride, int64_t steps, float* results,
                   int64_t results_stride) {
  Vec acc[kRows][kPanels];
  unrolled<kRows>([&](auto r) FL_STEP {
    unrolled<kPanels>(
        [&](auto p) FL_STEP { acc[r.value][p.value] = load(results + r.value * results_stride + p.value * kPanel); });
  });
  for (int64_t i = 0; i < steps; ++i, x += kRows, w += kPanel) {
    unrolled<kRows>([&](auto r) FL_STEP {
      unrolled<kPanels>([&](auto p) FL_STEP {
        acc[r.value][p.value] = step(In{}, acc[r.value][p.value], x[r.value], w + p.value * w_stride);
      });
    });
  }
  unrolled<kRows>([&](auto r) FL_STEP {
    unrolled<kPanels>(
        [&](auto p) FL_STEP { store(results + r.value * results_stride + p.value * kPanel, acc[r.value][p.value]); });
  });
}

// The tile's rows are a number that is known when the program is built: at most kTileRows.
template <typename In, int kPanels, int kRows = kTileRows>
FL_INLINE void multiply_tile_of(int64_t rows, const typename In::Input* x, const float* w, int64_t w_stride,
                                int64_t steps, float* results, int64_t results_stride) {
  if constexpr (kRows > 0) {
    if (rows == kRows) return multiply_tile<In, kRows, kPanels>(x, w, w_stride, steps, results, results_stride);
    multiply_tile_of<In, kPanels, kRows - 1>(rows, x, w, w_stride, steps, results, results_stride);
  }
}

template <typename In, typename W>
void blocked(const LinearTask& task, int64_t begin, int64_t end, float* scratch) {
  constexpr int64_t kSteps = kDecodedFloats / (kTilePanels * kPanel);  // of a depth block
  constexpr int64_t kDepth = kSteps * In::kTogether;
  static_assert(kDepth % kGroup == 0, "a depth block holds whole groups");
  static_assert(kPanelGroup % kTilePanels == 0);
  float* decoded = scratch;                                  // [panels][kSteps][16]
  float* results = scratch + kPanelGroup * kSteps * kPanel;  // [rows][panels][16]
  const int64_t k_steps = (task.weight.k + In::kTogether - 1) / In::kTogether;
  const int64_t tiles = tile_count(task.rows, kTileRows);
  for (int64_t panel = begin; panel < end; panel += kPanelGroup) {
    const int64_t panels = smaller(kPanelGroup, end - panel);
    const int64_t width = panels * kPanel;
    for (int64_t i = 0; i < task.rows * width; i += kPanel) store(results + i, zero());
    for (int64_t first = 0; first < k_steps; first += kSteps) {
      const int64_t steps = smaller(kSteps, k_steps - first);
      const int64_t k = first * In::kTogether;
      for (int64_t p = 0; p < panels; ++p)
        decode_panel<In, W>(task.weight, panel + p, k, smaller(kDepth, task.weight.k - k),
                            decoded + p * kSteps * kPanel);
      for (int64_t p = 0; p < panels;) {
        const bool wide = p + kTilePanels <= panels;
        for (int64_t t = 0; t < tiles; ++t) {
          const int64_t row = tile_begin(task.rows, tiles, t);
          const int64_t rows = tile_begin(task.rows, tiles, t + 1) - row;
          const auto* x = static_cast<const typename In::Input*>(task.x) + row * k_steps + first * rows;
          const float* w = decoded + p * kSteps * kPanel;
          float* out = results + row * width + p * kPanel;
          if (wide) {
            multiply_tile_of<In, kTilePanels>(rows, x, w, kSteps * kPanel, steps, out, width);
          } else if constexpr (kTilePanels > 1) {
            multiply_tile_of<In, 1>(rows, x, w, kSteps * kPanel, steps, out, width);
          }
        }
        p += wide ? kTilePanels : 1;
      }
    }
    for (int64_t r = 0; r < task.rows; ++r)
      for (int64_t p = 0; p < panels; ++p) finish(task, r, panel + p, load(results + r * width + p * kPanel));
  }
}

void linear_blocked(const LinearTask& task, int64_t begin, int64_t end, float* scratch) {
#if defined(FL_PAIRS) && !defined(FL_TILES)
  if (task.inputs == Inputs::kPairs) {
    switch (task.weight.code) {
      case WeightCode::kBf16:
        return blocked<Pairs, Bf16Weight>(task, begin, end, scratch);
      case WeightCode::kBfp8:
        return blocked<Pairs, Bfp8Weight>(task, begin, end, scratch);
      case WeightCode::kBfp4:
        return blocked<Pairs, Bfp4Weight>(task, begin, end, scratch);
      default:
        return blocked<Pairs, Bfp2Weight>(task, begin, end, scratch);
    }
  }
#endif
  with_weight(task.weight.code, [&](auto weight) { blocked<Floats, decltype(weight)>(task, begin, end, scratch); });
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
