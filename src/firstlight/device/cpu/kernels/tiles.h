// The linear product of bf16 by AMX. An output is the sum over blocks of 32 inputs, in order, of
//   acc = acc + (even + odd),  even = fma(x[2i], w[2i], even) from 0 over the block, odd likewise
// which the instruction computes for 16 rows by 16 columns, and product.h (Tiles) with multiply-adds for few rows. Text
// compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/decode.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

constexpr int64_t kTileBytes = kTileSide * kTileDepth * 2;

// Rows of bf16 to [K / 32][count][32].
void pack_tile(const Source* rows, int64_t count, int64_t k, void* tile) {
  constexpr size_t kRowBytes = kTileDepth * 2;
  auto* out = static_cast<uint16_t*>(tile);
  for (int64_t first = 0; first < k; first += kTileDepth) {
    const size_t bytes = static_cast<size_t>(smaller(kTileDepth, k - first)) * 2;
    for (int64_t r = 0; r < count; ++r, out += kTileDepth) {
      const auto* row = static_cast<const uint16_t*>(rows[r].data);
      if (row == nullptr || bytes < kRowBytes) __builtin_memset(out, 0, kRowBytes);
      if (row != nullptr) __builtin_memcpy(out, row + first, bytes);
    }
  }
}

// The inputs [k, k + depth) of a panel as tiles: [depth / 32][16][16][2], zeros beyond K.
template <typename W>
void decode_tiles(const PanelWeight& weight, int64_t panel, int64_t k, int64_t depth, float* out) {
  constexpr int64_t kWhole = W::kScaled ? kGroup : 2;  // inputs that decode_panel ends at
  decode_panel<Pairs, W>(weight, panel, k, depth, out);
  const int64_t done = (depth + kWhole - 1) / kWhole * kWhole;
  const int64_t whole = (depth + kTileDepth - 1) / kTileDepth * kTileDepth;
  if (whole > done) __builtin_memset(out + done / 2 * kPanel, 0, static_cast<size_t>((whole - done) * kPanel) * 2);
}

// Weight tiles of a panel: [depth / 32][16][16][2].
struct WeightTiles {
  const uint8_t* data;
  int64_t panel_stride;  // bytes
};

// Tiles of inputs: [row tiles][K / 32][rows][32].
struct InputTiles {
  const uint8_t* data;
  int64_t tile_bytes;
  int64_t stride;  // of row tiles, bytes
};

// results [16 kRows][16 kPanels] += the products over `steps` tiles.
template <int kRows, int kPanels>
FL_INLINE void multiply_block_of_tiles(const InputTiles& inputs, const WeightTiles& w, int64_t steps, float* results,
                                       int64_t stride) {
  unrolled<kRows>([&](auto r) FL_STEP {
    unrolled<kPanels>([&](auto p) FL_STEP {
      load_floats<2 * r.value + p.value>(results + r.value * kTileSide * stride + p.value * kPanel, stride);
    });
  });
  const uint8_t* panels = w.data;
  const uint8_t* x = inputs.data;
  for (int64_t i = 0; i < steps; ++i, x += inputs.tile_bytes, panels += kTileBytes) {
    load_tile<6>(panels);
    if constexpr (kPanels > 1) load_tile<7>(panels + w.panel_stride);
    load_tile<4>(x);
    multiply_tiles<0, 4, 6>();
    if constexpr (kPanels > 1) multiply_tiles<1, 4, 7>();
    if constexpr (kRows > 1) {
      load_tile<5>(x + inputs.stride);
      multiply_tiles<2, 5, 6>();
      if constexpr (kPanels > 1) multiply_tiles<3, 5, 7>();
    }
  }
  unrolled<kRows>([&](auto r) FL_STEP {
    unrolled<kPanels>([&](auto p) FL_STEP {
      store_floats<2 * r.value + p.value>(results + r.value * kTileSide * stride + p.value * kPanel, stride);
    });
  });
}

template <typename W>
void tiles(const LinearTask& task, int64_t begin, int64_t end, float* scratch) {
  const int64_t panels = end - begin;
  const int64_t width = panels * kPanel;
  const int64_t row_tiles = (task.rows + kTileSide - 1) / kTileSide;
  const int64_t height = smaller(task.rows, kTileSide);
  const int64_t k_tiles = (task.weight.k + kTileDepth - 1) / kTileDepth;
  constexpr int64_t kDepthTiles = kTileBlockDepth / kTileDepth;
  constexpr int64_t kPanelFloats = kDepthTiles * kTileBytes / 4;
  float* results = scratch + 2 * kPanelFloats;  // [rows][panels][16]
  for (int64_t i = 0; i < row_tiles * height * width; i += kPanel) store(results + i, zero());
  for (int64_t first = 0; first < k_tiles; first += kDepthTiles) {
    const int64_t steps = smaller(kDepthTiles, k_tiles - first);
    const int64_t k = first * kTileDepth;
    const int64_t depth = smaller(kTileBlockDepth, task.weight.k - k);
    const bool in_place = !W::kScaled && depth == steps * kTileDepth;  // bf16 lies as the instruction takes it
    const int64_t tile_bytes = height * kTileDepth * 2;
    const InputTiles x{static_cast<const uint8_t*>(task.x) + first * tile_bytes, tile_bytes, k_tiles * tile_bytes};
    for (int64_t p = 0; p < panels; p += 2) {
      const int64_t count = smaller(2, panels - p);
      WeightTiles w{reinterpret_cast<const uint8_t*>(scratch), kPanelFloats * 4};
      if (in_place) {
        w = {task.weight.data + (begin + p) * task.weight.panel_bytes + k / kGroup * kGroupBytes<W>,
             task.weight.panel_bytes};
      } else {
        for (int64_t i = 0; i < count; ++i)
          decode_tiles<W>(task.weight, begin + p + i, k, depth, scratch + i * kPanelFloats);
      }
      for (int64_t t = 0; t < row_tiles; t += 2) {
        float* out = results + t * kTileSide * width + p * kPanel;
        const InputTiles rows{x.data + t * x.stride, x.tile_bytes, x.stride};
        if (t + 1 < row_tiles) {
          count == 2 ? multiply_block_of_tiles<2, 2>(rows, w, steps, out, width)
                     : multiply_block_of_tiles<2, 1>(rows, w, steps, out, width);
        } else {
          count == 2 ? multiply_block_of_tiles<1, 2>(rows, w, steps, out, width)
                     : multiply_block_of_tiles<1, 1>(rows, w, steps, out, width);
        }
      }
    }
  }
  for (int64_t r = 0; r < task.rows; ++r)
    for (int64_t p = 0; p < panels; ++p) finish(task, r, begin + p, load(results + r * width + p * kPanel));
}

__attribute__((noinline)) void blocked_flushed(const LinearTask& task, int64_t begin, int64_t end, float* scratch) {
  open_tiles(smaller(task.rows, kTileSide));
  if (task.weight.code == WeightCode::kBf16) {
    tiles<Bf16Weight>(task, begin, end, scratch);
  } else {
    with_block_weight(task.weight.code, [&](auto weight) { tiles<decltype(weight)>(task, begin, end, scratch); });
  }
  close_tiles();
}

void linear_blocked(const LinearTask& task, int64_t begin, int64_t end, float* scratch) {
  const unsigned before = flush_subnormals();
  blocked_flushed(task, begin, end, scratch);
  restore_subnormals(before);
}

// Probe: products of tiles in registers, two by two as the product does.
double rounds(int64_t count, float* sink_value) {
  alignas(64) float values[kTileSide * kPanel];
  for (int64_t i = 0; i < kTileSide * kPanel; ++i) values[i] = *sink_value;
  open_tiles(kTileSide);
  unrolled<8>([&](auto t) FL_STEP { load_tile<t.value>(values); });
  for (int64_t round = 0; round < count; ++round) {
    multiply_tiles<0, 4, 6>();
    multiply_tiles<1, 4, 7>();
    multiply_tiles<2, 5, 6>();
    multiply_tiles<3, 5, 7>();
  }
  store_floats<0>(values, kPanel);
  close_tiles();
  *sink_value = values[0] > 1 ? 1.0F : values[0];
  return static_cast<double>(count) * 4 * kTileSide * kPanel * kTileDepth * 2;
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
