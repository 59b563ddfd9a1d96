// The linear product of bf16 by AMX. An output is the sum over blocks of 32 inputs, in order, of
//   acc = acc + (even + odd),  even = fma(x[2i], w[2i], even) from 0 over the block, odd likewise
// which the instruction computes for 16 rows by 16 columns, and product.h (Tiles) with multiply-adds for few rows. Text
// compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/decode.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

constexpr int64_t kTileBytes = kTileSide * kTileDepth * 2;

// Rows of bf16 to [K / 32][count][32], some lines of a row at a time, as they lie in memory.
void pack_tile(const Source* rows, int64_t count, int64_t k, void* tile) {
  constexpr int64_t kTogether = 8;
  constexpr size_t kRowBytes = kTileDepth * 2;
  auto* out = static_cast<uint16_t*>(tile);
  for (int64_t part = 0; part < k; part += kTogether * kTileDepth) {
    const int64_t part_end = smaller(part + kTogether * kTileDepth, k);
    for (int64_t r = 0; r < count; ++r) {
      const auto* row = static_cast<const uint16_t*>(rows[r].data);
      for (int64_t first = part; first < part_end; first += kTileDepth) {
        uint16_t* line = out + first * count + r * kTileDepth;
        if (row != nullptr && first + kTileDepth <= k) {
          __builtin_memcpy(line, row + first, kRowBytes);
          continue;
        }
        __builtin_memset(line, 0, kRowBytes);
        if (row != nullptr) __builtin_memcpy(line, row + first, static_cast<size_t>(k - first) * 2);
      }
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

// Lines of weights that each step asks for ahead, as many of each of two panels.
struct LinesAhead {
  const uint8_t* data;
  int64_t stride;  // between the panels, bytes
  int64_t lines;
};

FL_INLINE void ask_for_weights(LinesAhead& ahead) {
  for (int64_t i = 0; i < ahead.lines; ++i, ahead.data += kLine) {
    prefetch(ahead.data);
    prefetch(ahead.data + ahead.stride);
  }
}
// Into the first cache: a tile takes its lines at once, which is more than the processor looks ahead for.
FL_INLINE void ask_for_tile(const uint8_t* data, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += kLine) __builtin_prefetch(data + i);
}

// The sums of 16 kRows rows and 16 kPanels columns, tiles 0 to 3, += the product of a tile of inputs for each row and
// one of weights for each panel; the inputs of the next step are asked for.
template <int kRows, int kPanels>
FL_INLINE void multiply_step(const InputTiles& inputs, const WeightTiles& w) {
  const uint8_t* x = inputs.data;
  const auto take_row = [&](auto r) FL_STEP {
    load_tile<4 + r.value>(x + r.value * inputs.stride);
    ask_for_tile(x + r.value * inputs.stride + inputs.tile_bytes, inputs.tile_bytes);
  };
  load_tile<6>(w.data);
  take_row(Index<0>{});
  multiply_tiles<0, 4, 6>();
  if constexpr (kPanels > 1) {
    load_tile<7>(w.data + w.panel_stride);
    multiply_tiles<1, 4, 7>();
  }
  if constexpr (kRows > 1) {
    take_row(Index<1>{});
    multiply_tiles<2, 5, 6>();
    if constexpr (kPanels > 1) multiply_tiles<3, 5, 7>();
  }
}

// Sums as they are stored, a tile in one piece: [row tiles][panels][16][16].
struct Sums {
  float* data;
  int64_t panels;
  float* tile(int64_t row_tile, int64_t panel) const { return data + (row_tile * panels + panel) * kTileSide * kPanel; }
  const float* row(int64_t r, int64_t panel) const { return tile(r / kTileSide, panel) + r % kTileSide * kPanel; }
};

// sums, or zeros at the `start`, += the products over `steps` tiles.
template <int kRows, int kPanels>
FL_INLINE void multiply_block_of_tiles(InputTiles inputs, WeightTiles w, int64_t steps, bool start, const Sums& sums,
                                       LinesAhead ahead) {
  unrolled_pairs<kRows, kPanels>([&](auto r, auto p) FL_STEP {
    if (start)
      zero_tile<2 * r.value + p.value>();
    else
      load_tile<2 * r.value + p.value>(sums.tile(r.value, p.value));
  });
  for (int64_t i = 0; i < steps; ++i, inputs.data += inputs.tile_bytes, w.data += kTileBytes) {
    ask_for_weights(ahead);
    multiply_step<kRows, kPanels>(inputs, w);
  }
  unrolled_pairs<kRows, kPanels>([&](auto r, auto p)
                                     FL_STEP { store_tile<2 * r.value + p.value>(sums.tile(r.value, p.value)); });
}

template <typename... Args>
FL_INLINE void multiply_tiles_of(int64_t rows, int64_t panels, const Args&... args) {
  if (rows > 1)
    panels > 1 ? multiply_block_of_tiles<2, 2>(args...) : multiply_block_of_tiles<2, 1>(args...);
  else
    panels > 1 ? multiply_block_of_tiles<1, 2>(args...) : multiply_block_of_tiles<1, 1>(args...);
}

// Row by row: outputs of a row lie together, those of the next far away.
FL_INLINE void finish_tiles(const LinearTask& task, int64_t panel, const Sums& sums) {
  for (int64_t r = 0; r < task.rows; ++r)
    for (int64_t p = 0; p < sums.panels; ++p) finish(task, r, panel + p, load(sums.row(r, p)));
}

// Where some panels' weights for the inputs from k on lie: a bundle's in one piece, others' apart.
template <typename W>
struct WeightBlock {
  static constexpr int64_t kBytes = kTileBlockDepth / kGroup * kGroupBytes<W>;  // of a panel
  const uint8_t* data;
  int64_t stride;  // between panels
  WeightBlock(const PanelWeight& weight, int64_t bundle, int64_t k) {
    const int64_t panels = W::kScaled ? smaller(kBundle, (weight.n + kPanel - 1) / kPanel - bundle) : 1;
    data = weight.data + bundle * weight.panel_bytes + k / kGroup * panels * kGroupBytes<W>;
    stride = W::kScaled ? kBytes : weight.panel_bytes;
  }
};

// A part of K at a time, for which two panels' weights stay in the first cache while all rows pass. Sums wait in
// `scratch` meanwhile.
template <typename W>
void tiles_by_parts(const LinearTask& task, int64_t begin, int64_t end, float* scratch) {
  static_assert(kTileBlockPanels % kBundle == 0 && kTileBlockDepth % kGroup == 0);
  constexpr int64_t kDepthTiles = kTileBlockDepth / kTileDepth;
  constexpr int64_t kPanelFloats = kDepthTiles * kTileBytes / 4;
  const int64_t panels = end - begin;
  const int64_t row_tiles = (task.rows + kTileSide - 1) / kTileSide;
  const int64_t height = smaller(task.rows, kTileSide);
  const int64_t k_tiles = (task.weight.k + kTileDepth - 1) / kTileDepth;
  const Sums sums{scratch + 2 * kPanelFloats, panels};
  for (int64_t first = 0; first < k_tiles; first += kDepthTiles) {
    const int64_t steps = smaller(kDepthTiles, k_tiles - first);
    const int64_t k = first * kTileDepth;
    const int64_t depth = smaller(kTileBlockDepth, task.weight.k - k);
    const bool is_last = first + kDepthTiles >= k_tiles;
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
      // While two panels of a bundle pass, half of what comes after the bundle: the next one, the first for the next
      // part of K, or what follows all, which is the worker's next as a rule.
      const int64_t bundle = begin + p / kBundle * kBundle;
      const bool more = bundle + kBundle < end;
      const int64_t next = more || is_last ? bundle + kBundle : begin;
      const bool none = next * kPanel >= task.weight.n;
      const WeightBlock<W> block(task.weight, none ? bundle : next, more ? k : is_last ? 0 : k + kTileBlockDepth);
      const int64_t calls = (row_tiles + 1) / 2;
      const int64_t lines = none ? 0 : (WeightBlock<W>::kBytes / kLine + calls * steps - 1) / (calls * steps);
      LinesAhead ahead{block.data + p % kBundle * block.stride, block.stride, lines};
      for (int64_t t = 0; t < row_tiles; t += 2, ahead.data += steps * lines * kLine)
        multiply_tiles_of(smaller(2, row_tiles - t), count, InputTiles{x.data + t * x.stride, x.tile_bytes, x.stride},
                          w, steps, first == 0, Sums{sums.tile(t, p), panels}, ahead);
    }
  }
  if (k_tiles == 0) __builtin_memset(sums.data, 0, static_cast<size_t>(row_tiles * panels * kTileSide * kPanel) * 4);
  finish_tiles(task, begin, sums);
}

// bf16 for at most two row tiles goes from memory into the product, whose sums stay in tiles.
void stream_tiles(const LinearTask& task, int64_t begin, int64_t end, float* scratch) {
  constexpr int64_t kAhead = 4;  // tiles
  const int64_t row_tiles = (task.rows + kTileSide - 1) / kTileSide;
  const int64_t tile_bytes = smaller(task.rows, kTileSide) * kTileDepth * 2;
  const int64_t k_tiles = task.weight.k / kTileDepth;
  const InputTiles x{static_cast<const uint8_t*>(task.x), tile_bytes, k_tiles * tile_bytes};
  const int64_t panel_bytes = task.weight.panel_bytes;
  const auto panels_of = [&](auto rows, auto panels, int64_t panel) FL_STEP {
    const Sums sums{scratch, panels.value};
    WeightTiles w{task.weight.data + panel * panel_bytes, panel_bytes};
    InputTiles inputs = x;
    const uint8_t* next = w.data + panels.value * panel_bytes;  // of the worker's next panels, as a rule
    unrolled_pairs<rows.value, panels.value>([&](auto r, auto p) FL_STEP { zero_tile<2 * r.value + p.value>(); });
    for (int64_t i = 0; i < k_tiles; ++i, inputs.data += tile_bytes, w.data += kTileBytes) {
      const int64_t later = i + kAhead;
      const uint8_t* ahead = later < k_tiles ? w.data + kAhead * kTileBytes : next + (later - k_tiles) * kTileBytes;
      unrolled<panels.value>([&](auto p) FL_STEP { ask_for_tile(ahead + p.value * panel_bytes, kTileBytes); });
      multiply_step<rows.value, panels.value>(inputs, w);
    }
    unrolled_pairs<rows.value, panels.value>(
        [&](auto r, auto p) FL_STEP { store_tile<2 * r.value + p.value>(sums.tile(r.value, p.value)); });
    finish_tiles(task, panel, sums);
  };
  int64_t panel = begin;
  for (; panel + 2 <= end; panel += 2)
    row_tiles > 1 ? panels_of(Index<2>{}, Index<2>{}, panel) : panels_of(Index<1>{}, Index<2>{}, panel);
  if (panel < end) row_tiles > 1 ? panels_of(Index<2>{}, Index<1>{}, panel) : panels_of(Index<1>{}, Index<1>{}, panel);
}

template <typename W>
void tiles(const LinearTask& task, int64_t begin, int64_t end, float* scratch) {
  if constexpr (!W::kScaled)
    if (task.rows <= 2 * kTileSide && task.weight.k % kTileDepth == 0) return stream_tiles(task, begin, end, scratch);
  tiles_by_parts<W>(task, begin, end, scratch);
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
