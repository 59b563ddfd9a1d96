// Products of softmax weights and values of bf16, two positions at a time: the weights of a block of keys lie in bf16,
// [queries][kKeyBlock], kKeyBlock floats apart, the values as pairs [kKeyBlock / 2][stride]. What a query gathers is
// one chain over the positions that it attends to, in order; a masked one is never multiplied, whatever lies there.
// Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/cache_rows.h"
#include "firstlight/device/cpu/kernels/multiply.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

struct KeyRange {
  int64_t begin;
  int64_t end;
};
// The positions that a row attends to, those of its block from `base` on counted from there.
FL_INLINE KeyRange key_range(const AttentionTask& task, int64_t row, int64_t base) {
  const int64_t end = static_cast<int64_t>(task.positions[row]) + 1;
  const int64_t begin = task.window > 0 && end > task.window ? end - task.window : 0;
  return {begin > base ? begin - base : 0, smaller(end - base, kKeyBlock)};
}

#if defined(FL_PAIRS)
// The values of the positions [begin, end) of the block at `base` as pairs; the other half of a pair is zero where it
// is beyond them.
FL_INLINE void pair_values(const AttentionTask& task, int64_t sequence, int64_t head, int64_t base, int64_t begin,
                           int64_t end, int64_t last, float* dst, int64_t stride) {
  alignas(64) static constexpr uint16_t kZeros[kPanel] = {};
  const CacheSide& side = task.values;
  const auto put_pairs = [&](int64_t t, const uint8_t* low, const uint8_t* high) FL_STEP {
    float* pairs = dst + t / 2 * stride;
    for (int64_t d = 0; d < side.dim; d += kPanel) {
      uint16_t last_lanes[2][kPanel] = {};
      const auto lanes = [&](const uint8_t* from, uint16_t* rest) FL_STEP {
        if (from == nullptr) return static_cast<const uint16_t*>(kZeros);
        const uint16_t* half = reinterpret_cast<const uint16_t*>(from) + d;
        if (d + kPanel <= side.dim) return half;
        __builtin_memcpy(rest, half, static_cast<size_t>(side.dim - d) * sizeof(uint16_t));
        return static_cast<const uint16_t*>(rest);
      };
      store_pair(pairs + d, pair_rows(lanes(low, last_lanes[0]), lanes(high, last_lanes[1])));
    }
  };
  const uint8_t* low = nullptr;
  each_cache_row(task, side, sequence, head, base + begin, base + end, last,
                 [&](const uint8_t* row, int64_t t) FL_STEP {
                   if (t % 2 != 0) put_pairs(t - base, low, row);
                   low = t % 2 == 0 ? row : nullptr;
                 });
  if (low != nullptr) put_pairs(end - 1, low, nullptr);
}
#endif

#if defined(FL_TILES)
// Zeros for the pairs of the block that hold none of the positions [begin, end).
FL_INLINE void clear_pairs(int64_t begin, int64_t end, float* values, int64_t stride) {
  const auto clear = [&](int64_t from, int64_t to) FL_STEP {
    if (from < to) __builtin_memset(values + from * stride, 0, static_cast<size_t>((to - from) * stride) * 4);
  };
  clear(0, begin / 2);
  clear((end + 1) / 2, kKeyBlock / 2);
}

FL_INLINE bool all_finite(const float* values, int64_t stride) {
  bool finite = true;
  for (int64_t i = 0; i < kKeyBlock / 2 * stride; i += kPanel) finite &= finite_pairs(load_pair(values + i));
  return finite;
}

// One query as tiles take it, but for the positions beyond its range, which tiles multiply by zero.
__attribute__((noinline)) void gather_careful(const float* weights, const float* values, int64_t stride, KeyRange range,
                                              float* gathered) {
  const auto* w = reinterpret_cast<const uint16_t*>(weights);
  for (int64_t d = 0; d < stride; d += kPanel) {
    Vec sum = load(gathered + d);
    for (int64_t first = 0; first < kKeyBlock; first += kTileDepth) {
      Vec chains[2] = {zero(), zero()};
      for (int64_t t = first; t < first + kTileDepth; ++t) {
        if (t < range.begin || t >= range.end) continue;
        const auto* pairs = reinterpret_cast<const uint8_t*>(values + t / 2 * stride + d);
        const Vec value = t % 2 == 0 ? pair_lanes<0>(pairs) : pair_lanes<1>(pairs);
        chains[t % 2] = fma(set1(load_one({w, Element::kBf16}, t)), value, chains[t % 2]);
      }
      sum = add(sum, add(chains[0], chains[1]));
    }
    store(gathered + d, sum);
  }
}

// gathered += p v for the queries of the rows [begin, end) by tiles of as many rows as open_tiles() said; weights
// beyond a query's range are zeros, and values beyond the block's positions.
void gather_tiles(const AttentionTask& task, int64_t begin, int64_t end, int64_t base, const float* weights,
                  const float* values, int64_t stride, float* gathered) {
  bool whole = true;
  for (int64_t row = begin; row < end; ++row) {
    const KeyRange range = key_range(task, row, base);
    whole &= range.begin == 0 && range.end == kKeyBlock;
  }
  if (whole || all_finite(values, stride)) {
    add_by_tiles({weights, kKeyBlock, padded_queries((end - begin) * task.group), values, stride, kKeyBlock / 2, stride,
                  gathered, stride});
    return;
  }
  const unsigned before = flush_subnormals();
  for (int64_t row = begin; row < end; ++row)
    for (int64_t i = (row - begin) * task.group; i < (row - begin + 1) * task.group; ++i)
      gather_careful(weights + i * kKeyBlock, values, stride, key_range(task, row, base), gathered + i * stride);
  restore_subnormals(before);
}
#elif defined(FL_PAIRS)
// gathered += p v for queries of one range. Half a pair that the range leaves out is not multiplied: `edge` takes the
// other half.
void gather_pairs(const float* weights, int64_t queries, const float* values, int64_t stride, KeyRange range,
                  float* gathered, float* edge) {
  const auto part = [&](int64_t first, int64_t pairs, const float* w) FL_STEP {
    if (pairs > 0) multiply_pairs({weights + first, kKeyBlock, queries, w, stride, pairs, stride, gathered, stride});
  };
  const int64_t first_whole = (range.begin + 1) / 2;
  const int64_t last_whole = range.end / 2;
  if (range.begin % 2 != 0) {
    const float* pair = values + (first_whole - 1) * stride;
    for (int64_t d = 0; d < stride; d += kPanel) store_pair(edge + d, high_of_pairs(load_pair(pair + d)));
    part(first_whole - 1, 1, edge);
  }
  part(first_whole, last_whole - first_whole, values + first_whole * stride);
  if (range.end % 2 != 0) {
    const float* pair = values + last_whole * stride;
    for (int64_t d = 0; d < stride; d += kPanel) store_pair(edge + d, low_of_pairs(load_pair(pair + d)));
    part(last_whole, 1, edge);
  }
}
#endif

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
