// The linear product of many rows: a part of a weight is decoded once for a block of rows, whose inputs lie in tiles of
// a few rows each. The chains are those of product.h. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/decoding_tile.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

// ---- Tiles of inputs -------------------------------------------------------------------------------------------

// Some steps of all rows at a time, so that a line of the tile is written within a short time: by row after row, many
// would leave for the other workers' caches in between.
constexpr int64_t kPackSteps = 64;
static_assert(kPart % kPackSteps == 0);

#if defined(FL_PAIRS)
void pack_tile(const Source* rows, int64_t count, int64_t k, void* tile) {
  auto* out = static_cast<uint32_t*>(tile);
  for (int64_t first = 0; first < k / 2; first += kPackSteps) {
    const int64_t end = smaller(first + kPackSteps, k / 2);
    for (int64_t r = 0; r < count; ++r) {
      const auto* x = static_cast<const uint16_t*>(rows[r].data);
      for (int64_t i = first; i < end; ++i) __builtin_memcpy(out + i * count + r, x + 2 * i, sizeof(uint32_t));
    }
  }
  if (k % 2 != 0)
    for (int64_t r = 0; r < count; ++r) out[k / 2 * count + r] = static_cast<const uint16_t*>(rows[r].data)[k - 1];
}
#else
void pack_tile(const Source* rows, int64_t count, int64_t k, void* tile) {
  float buffer[kPackSteps];
  auto* out = static_cast<float*>(tile);
  for (int64_t first = 0; first < k; first += kPackSteps, out += kPackSteps * count) {
    const int64_t part = smaller(kPackSteps, k - first);
    for (int64_t r = 0; r < count; ++r) {
      const float* x = read(rows[r], first, part, 0, buffer);
      for (int64_t i = 0; i < part; ++i) out[i * count + r] = x[i];
    }
  }
}
#endif

// ---- The product of a tile -------------------------------------------------------------------------------------

#if defined(FL_PAIRS)
FL_INLINE Vec step(Pairs, Vec acc, uint32_t x, const float* w) { return dot_pairs(acc, x, load_pair(w)); }
#endif
FL_INLINE Vec step(Floats, Vec acc, float x, const float* w) { return fma(set1(x), load(w), acc); }

// acc [rows][kPanels][16] += x [steps][rows] w [kPanels][steps][16].
template <typename In, int kRows, int kPanels>
void multiply_tile(const typename In::Input* x, const float* w, int64_t w_stride, int64_t steps, float* results,
                   int64_t results_stride, const Ahead& ahead) {
  AskAhead<kPanels> ask(ahead);
  Vec acc[kRows][kPanels];
  unrolled<kRows>([&](auto r) FL_STEP {
    unrolled<kPanels>(
        [&](auto p) FL_STEP { acc[r.value][p.value] = load(results + r.value * results_stride + p.value * kPanel); });
  });
  for (int64_t i = 0; i < steps; ++i, x += kRows, w += kPanel) {
    ask.step();
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

// Whether weights lie in memory as the product takes them, or are decoded on the way of the first tile.
template <typename In, typename W>
constexpr bool kInPlace = W::kReady == In::kTogether;
#if defined(FL_PAIRS)
template <typename In, typename W>
constexpr bool kOnTheWay = (W::kScaled && In::kTogether == 2);
#else
template <typename In, typename W>
constexpr bool kOnTheWay = false;
#endif

// Of some outputs, which will be written.
FL_INLINE void ask_for_outputs(const LinearTask& task, int64_t row, int64_t rows, int64_t panel, int64_t panels) {
  const int64_t size = task.out_element == Element::kF32 ? 4 : 2;
  const int64_t begin = panel * kPanel;
  const int64_t count = smaller(panels * kPanel, task.weight.n - begin);
  for (int64_t r = row; r < row + rows; ++r) ask_to_write(task.out + r * task.out_stride + begin * size, count * size);
}

template <typename In, typename W>
void blocked(const LinearTask& task, int64_t begin, int64_t end, float* scratch) {
  static_assert(kPanelGroup % kTilePanels == 0);
  // Of a depth block. Weights in place, or decoded on the way, may as well come from the second cache after that: tiles
  // then take up their sums less often.
  constexpr int64_t kSteps = kInPlace<In, W> || kOnTheWay<In, W> ? kMostSteps : kMostSteps / 4;
  constexpr int64_t kDepth = kSteps * In::kTogether;
  static_assert(kDepth % kGroup == 0, "a depth block holds whole groups");
  constexpr int64_t kDecodedStride = (kSteps + kMostUnitSteps) * kPanel;
  static_assert(kTilePanels * kDecodedStride + kPanelGroup * kRowBlock * kPanel <= kBlockedFloats);
  constexpr int64_t kPanelBlock = kDepth / kGroup * kGroupBytes<W>;  // bytes of a panel
  float* decoded = scratch;                                          // [kTilePanels][kSteps, and a unit more][16]
  float* results = scratch + kTilePanels * kDecodedStride;           // [rows][panels][16]
  const int64_t panel_bytes = task.weight.panel_bytes;
  const int64_t k_steps = (task.weight.k + In::kTogether - 1) / In::kTogether;
  const int64_t tiles = tile_count(task.rows, kTileRows);
  for (int64_t panel = begin; panel < end; panel += kPanelGroup) {
    const int64_t panels = smaller(kPanelGroup, end - panel);
    const int64_t width = panels * kPanel;
    for (int64_t i = 0; i < task.rows * width; i += kPanel) store(results + i, zero());
    for (int64_t first = 0; first < k_steps; first += kSteps) {
      const int64_t steps = smaller(kSteps, k_steps - first);
      const int64_t k = first * In::kTogether;
      // A bundle's block lies in one piece, other panels' apart.
      const int64_t block_bytes = W::kScaled ? panels * kPanelBlock : kPanelBlock;  // from one to the next
      const int64_t block_stride = W::kScaled ? kPanelBlock : panel_bytes;          // between panels
      const uint8_t* block = task.weight.data + panel * panel_bytes + first / kSteps * block_bytes;
      // The next block of these panels, or the first of those that follow, which are a worker's next as a rule.
      const bool last = first + kSteps >= k_steps;
      const bool none = last && (panel + kPanelGroup) * kPanel >= task.weight.n;
      const uint8_t* next = none   ? block
                            : last ? task.weight.data + (panel + kPanelGroup) * panel_bytes
                                   : block + block_bytes;
      for (int64_t p = 0; p < panels;) {
        const bool wide = p + kTilePanels <= panels;
        const float* w = decoded;
        int64_t w_stride = kDecodedStride;
        int64_t tile = 0;
        // Multiplies by a function of the tile's rows, which is compiled for each number of them.
        const auto next_tile = [&](const auto& multiply) FL_STEP {
          const int64_t row = product_tile_begin(task.rows, tiles, kTileRows, tile);
          const int64_t rows = product_tile_begin(task.rows, tiles, kTileRows, tile + 1) - row;
          const auto* x = static_cast<const typename In::Input*>(task.x) + row * k_steps + first * rows;
          if (last && p + kTilePanels >= panels) ask_for_outputs(task, row, rows, panel, panels);
          const Ahead ahead =
              part_ahead(next + p * block_stride, none ? 0 : kPanelBlock, block_stride, tiles, tile, steps);
          with_count<kTileRows>(
              rows, [&](auto count) FL_STEP { multiply(count, x, results + row * width + p * kPanel, ahead); });
          ++tile;
        };
        if constexpr (kInPlace<In, W>) {
          w = reinterpret_cast<const float*>(block + p * panel_bytes);
          w_stride = panel_bytes / static_cast<int64_t>(sizeof(float));
        } else {
#if defined(FL_PAIRS)
          if constexpr (kOnTheWay<In, W>) {
            CodedBlock<W> coded;
            coded.groups = groups_of<W>(task.weight, panel + p);
            coded.first = k / kGroup;
            coded.count = steps / kGroupSteps;
            if (wide && steps % kGroupSteps == 0 && scale_block(coded))
              next_tile([&](auto rows, const uint32_t* x, float* out, const Ahead& ahead) FL_STEP {
                multiply_decoding<W, rows.value>(x, coded, decoded, kDecodedStride, out, width, ahead);
              });
          }
#endif
          if (tile == 0)
            for (int64_t i = 0; i < (wide ? kTilePanels : 1); ++i)
              decode_panel<In, W>(task.weight, panel + p + i, k, smaller(kDepth, task.weight.k - k),
                                  decoded + i * kDecodedStride);
        }
        while (tile < tiles)
          next_tile([&](auto rows, const typename In::Input* x, float* out, const Ahead& ahead) FL_STEP {
            if (wide) {
              multiply_tile<In, rows.value, kTilePanels>(x, w, w_stride, steps, out, width, ahead);
            } else if constexpr (kTilePanels > 1) {
              multiply_tile<In, rows.value, 1>(x, w, w_stride, steps, out, width, ahead);
            }
          });
        p += wide ? kTilePanels : 1;
      }
    }
    for (int64_t r = 0; r < task.rows; ++r)
      for (int64_t p = 0; p < panels; ++p) finish(task, r, panel + p, load(results + r * width + p * kPanel));
  }
}

#if defined(FL_PAIRS)
void linear_blocked(const LinearTask& task, int64_t begin, int64_t end, float* scratch) {
  if (task.weight.code == WeightCode::kBf16) return blocked<Pairs, Bf16Weight>(task, begin, end, scratch);
  with_block_weight(task.weight.code,
                    [&](auto weight) { blocked<Pairs, decltype(weight)>(task, begin, end, scratch); });
}
#else
void linear_blocked(const LinearTask& task, int64_t begin, int64_t end, float* scratch) {
  with_weight(task.weight.code, [&](auto weight) { blocked<Floats, decltype(weight)>(task, begin, end, scratch); });
}
#endif

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
