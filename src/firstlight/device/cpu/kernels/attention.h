// Attention of a few query rows of one sequence over one KV head: keys in blocks of kKeyBlock positions that start at
// multiples of it, an online softmax over the blocks. For a row, block by block:
//   s[t] = q . k[t], one chain over D in order;  m' = max(m, max s);  p[t] = e^(s[t] - m')
//   l = l e^(m - m') + sum p;  out = out e^(m - m') + p[t] v[t], one chain over the row's own t in order
// so a row's bits depend on nothing but its own sequence. Where a table takes pairs of bf16 and both q and the keys are
// bf16, the chain of s adds two products a step, or with tiles 32 (tiles.h). Where q and the values are bf16 and such a
// table has no tiles, p is rounded to bf16 in front of its products (l has it in full), positions 2i and 2i + 1 a step.
// Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/multiply.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

// One row of a cache as floats. Exponents at the ends of the range follow the host's rule (format/block_float.h).
void decode_cache_row(const CacheSide& side, const uint8_t* row, float* dst) {
  const bool whole = side.dim % 16 == 0;
  switch (side.code) {
    case CacheCode::kF32:
      if (!whole) return convert({row, Element::kF32}, sink(dst), side.dim);
      for (int64_t i = 0; i < side.dim; i += 16) store(dst + i, load(reinterpret_cast<const float*>(row) + i));
      return;
    case CacheCode::kBf16:
      if (!whole) return convert({row, Element::kBf16}, sink(dst), side.dim);
      for (int64_t i = 0; i < side.dim; i += 16) store(dst + i, load_bf16(reinterpret_cast<const uint16_t*>(row) + i));
      return;
    case CacheCode::kOther:
      return side.decode(reinterpret_cast<const std::byte*>(row), side.dim, dst);
    case CacheCode::kBfp8:
      break;
  }
  const int64_t blocks = (side.dim + 15) / 16;
  int lowest = 255;
  int highest = 0;
  for (int64_t b = 0; b < blocks; ++b) {
    lowest = row[b] < lowest ? row[b] : lowest;
    highest = row[b] > highest ? row[b] : highest;
  }
  if (lowest < 7 || highest == 255) return side.decode(reinterpret_cast<const std::byte*>(row), side.dim, dst);
  for (int64_t b = 0; b < blocks; ++b) {
    const uint32_t bits = static_cast<uint32_t>(row[b] - 6) << 23;  // 2^(E - 127 - 6)
    float scale;
    __builtin_memcpy(&scale, &bits, sizeof(scale));
    store(dst + 16 * b, mul(sign_magnitude(load_bytes(row + blocks + 16 * b)), set1(scale)));
  }
}

FL_INLINE const uint8_t* cache_row(const AttentionTask& task, const CacheSide& side, int64_t sequence, int64_t head,
                                   int64_t position) {
  const int64_t page = task.table[sequence * task.table_stride + position / task.page_size];
  return side.data + page * side.page_stride + head * side.head_stride + position % task.page_size * side.row_stride;
}

constexpr int64_t kLine = 64;  // bytes of a cache line

// The rows of the positions [begin, end) of a sequence as floats, `stride` floats apart. While a page is read the same
// rows of the next one are fetched: pages lie anywhere, so the hardware does not foresee them.
template <typename Decode>
FL_INLINE void decode_cache_rows(const AttentionTask& task, const CacheSide& side, int64_t sequence, int64_t head,
                                 int64_t begin, int64_t end, int64_t last, float* dst, int64_t stride,
                                 const Decode& decode) {
  for (int64_t t = begin; t < end;) {
    const int64_t page_end = smaller(end, (t / task.page_size + 1) * task.page_size);
    const uint8_t* row = cache_row(task, side, sequence, head, t);
    const bool more = t + task.page_size <= last;
    const int64_t ahead = more ? cache_row(task, side, sequence, head, t + task.page_size) - row : 0;
    for (; t < page_end; ++t, row += side.row_stride, dst += stride) {
      if (more)
        for (int64_t i = 0; i < side.row_stride; i += kLine) __builtin_prefetch(row + ahead + i);
      decode(side, row, dst);
    }
  }
}

#if defined(FL_PAIRS)
constexpr bool kHasPairs = true;
#else
constexpr bool kHasPairs = false;
#endif
#if defined(FL_PAIRS) && !defined(FL_TILES)
#define FL_VALUE_PAIRS
constexpr bool kValuePairs = true;
#else
constexpr bool kValuePairs = false;
#endif

// A row of bf16 as it is: a pair in the place of each float.
FL_INLINE void copy_pairs(const void* row, int64_t dim, float* dst) {
  __builtin_memcpy(dst, row, static_cast<size_t>(dim) * 2);
}

// out = x w, of pairs of bf16 or of floats.
FL_INLINE void score(const MultiplyTask& products, [[maybe_unused]] bool pairs) {
#if defined(FL_TILES)
  if (pairs) return multiply_by_tiles(products);
#endif
  for (int64_t i = 0; i < products.rows * products.out_stride; i += kPanel) store(products.out + i, zero());
#if defined(FL_PAIRS) && !defined(FL_TILES)
  if (pairs) return multiply_pairs(products);
#endif
  multiply(products);
}

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

// Turns the scores of one query into weights, of bf16 where they meet pairs, and scales what it has gathered so far.
template <bool kPairs>
void update_softmax(const AttentionTask& task, KeyRange range, float* scores, float* largest, float* total, float* out,
                    int64_t lanes) {
  static const float kLane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const Vec lane = load(kLane);
  const Vec scale = set1(task.scale);
  const Vec begin = set1(static_cast<float>(range.begin));
  const Vec end = set1(static_cast<float>(range.end));
  const Vec nothing = set1(-kInfinity);
  Vec s[kKeyBlock / 16];
  Vec top = nothing;
  const bool whole = range.begin == 0 && range.end == kKeyBlock;
  FL_UNROLL
  for (int j = 0; j < kKeyBlock / 16; ++j) {
    s[j] = mul(load(scores + 16 * j), scale);
    if (task.softcap > 0) s[j] = mul(set1(task.softcap), tanh(div(s[j], set1(task.softcap))));
    if (!whole) {
      const Vec index = add(lane, set1(static_cast<float>(16 * j)));
      s[j] = select_less(index, begin, nothing, select_less(index, end, s[j], nothing));
    }
    top = max(top, s[j]);
  }
  const float before = *largest;
  const float block = max_lane(top);
  const float after = before > block ? before : block;
  const Vec peak = set1(after);
  Vec sums = zero();
  FL_UNROLL
  for (int j = 0; j < kKeyBlock / 16; ++j) {
    s[j] = exp(sub(s[j], peak));
#if defined(FL_VALUE_PAIRS)
    if constexpr (kPairs)
      store_weights(reinterpret_cast<uint16_t*>(scores) + 16 * j, s[j]);
    else
#endif
      store(scores + 16 * j, s[j]);
    sums = add(sums, s[j]);
  }
  if (before == after) {  // nothing fades
    *total += sum(sums);
    return;
  }
  const Vec fade = exp(sub(set1(before), peak));
  float factor[16];
  store(factor, fade);
  *largest = after;
  *total = *total * factor[0] + sum(sums);
  for (int64_t i = 0; i < lanes; i += 16) store(out + i, mul(load(out + i), fade));
}

#if defined(FL_VALUE_PAIRS)
// The values of the positions [begin, end) of the block at `base` as pairs [kKeyBlock / 2][stride]; the other half of a
// pair is zero where it is beyond them. The next page is fetched as in decode_cache_rows.
FL_INLINE void pair_values(const AttentionTask& task, int64_t sequence, int64_t head, int64_t base, int64_t begin,
                           int64_t end, int64_t last, float* dst, int64_t stride) {
  alignas(64) static constexpr uint16_t kZeros[kPanel] = {};
  const CacheSide& side = task.values;
  const uint8_t* row = nullptr;
  int64_t left = 0;  // rows of the page
  int64_t ahead = 0;
  bool more = false;
  const auto next_row = [&](int64_t t) FL_STEP {
    if (left > 0) {
      row += side.row_stride;
    } else {
      row = cache_row(task, side, sequence, head, t);
      left = task.page_size - t % task.page_size;
      more = t + task.page_size <= last;
      ahead = more ? cache_row(task, side, sequence, head, t + task.page_size) - row : 0;
    }
    --left;
    if (more)
      for (int64_t i = 0; i < side.row_stride; i += kLine) __builtin_prefetch(row + ahead + i);
    return row;
  };
  for (int64_t t = begin / 2 * 2; t < end; t += 2) {
    const uint8_t* low = t < begin ? nullptr : next_row(base + t);
    const uint8_t* high = t + 1 < end ? next_row(base + t + 1) : nullptr;
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
  }
}

// gathered += p v over the positions of a range. Half a pair that the range leaves out is not multiplied: `edge` takes
// the other half.
void gather_pairs(const float* weights, int64_t rows, const float* values, int64_t stride, KeyRange range,
                  float* gathered, float* edge) {
  const auto part = [&](int64_t first, int64_t pairs, const float* w) FL_STEP {
    if (pairs > 0) multiply_pairs({weights + first, kKeyBlock, rows, w, stride, pairs, stride, gathered, stride});
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

void attention(const AttentionTask& task, int64_t begin, int64_t end, int64_t head, float* scratch) {
  const int64_t group = task.group;
  const int64_t queries = (end - begin) * group;
  const int64_t dim = padded_lanes(task.keys.dim);
  const int64_t value_dim = padded_lanes(task.values.dim);
  float* q = scratch;                                             // [queries][dim]
  float* gathered = q + queries * dim;                            // [queries][value_dim]
  float* scores = gathered + queries * value_dim;                 // [queries][kKeyBlock]
  float* largest = scores + queries * kKeyBlock;                  // [queries]
  float* total = largest + queries * kPanel;                      // [queries]
  float* key_rows = total + queries * kPanel;                     // [16][dim]
  float* keys = key_rows + kPanel * dim;                          // [dim][kKeyBlock]
  float* values = keys + dim * kKeyBlock;                         // [kKeyBlock][value_dim], of pairs half as many
  [[maybe_unused]] float* edge = values + kKeyBlock * value_dim;  // [value_dim]

  const bool pairs = kHasPairs && task.q_element == Element::kBf16 && task.keys.code == CacheCode::kBf16;
  const bool value_pairs = kValuePairs && task.q_element == Element::kBf16 && task.values.code == CacheCode::kBf16;
  const int64_t terms = pairs ? (task.keys.dim + 1) / 2 : task.keys.dim;  // of a chain over D

  int64_t first = key_range(task, begin, 0).begin;
  int64_t last = 0;
  for (int64_t row = begin; row < end; ++row) {
    first = smaller(first, key_range(task, row, 0).begin);
    last = last > task.positions[row] ? last : task.positions[row];
    for (int64_t g = 0; g < group; ++g) {
      const uint8_t* from = task.q + row * task.q_row_stride + (head * group + g) * task.q_head_stride;
      const int64_t i = (row - begin) * group + g;
      if (pairs) {
        for (int64_t d = 0; d < dim; d += kPanel) store(q + i * dim + d, zero());
        copy_pairs(from, task.keys.dim, q + i * dim);
      } else {
        convert({from, task.q_element}, sink(q + i * dim), task.keys.dim);
      }
      largest[i] = -kInfinity;
      total[i] = 0;
    }
  }
  for (int64_t i = 0; i < queries * value_dim; i += kPanel) store(gathered + i, zero());
  for (int64_t i = 0; i < kPanel * dim; i += kPanel) store(key_rows + i, zero());

#if defined(FL_TILES)
  open_tiles(smaller(queries, kTileSide));
#endif
  const int64_t sequence = task.sequences[begin];
  const auto update = value_pairs ? update_softmax<kValuePairs> : update_softmax<false>;
  for (int64_t base = first / kKeyBlock * kKeyBlock; base <= last; base += kKeyBlock) {
    const int64_t present_begin = first > base ? first - base : 0;  // rows of the cache that any query needs
    const int64_t present_end = smaller(kKeyBlock, last + 1 - base);
    const int64_t width = padded_lanes(present_end);
    for (int64_t t = 0; t < width; t += kPanel) {
      const int64_t from = t > present_begin ? t : present_begin;
      const int64_t to = smaller(t + kPanel, present_end);
      float* rows = key_rows + (from - t) * dim;
      if (pairs) {
        decode_cache_rows(
            task, task.keys, sequence, head, base + from, base + to, last, rows, dim,
            [](const CacheSide& side, const uint8_t* row, float* dst) { copy_pairs(row, side.dim, dst); });
      } else {
        decode_cache_rows(task, task.keys, sequence, head, base + from, base + to, last, rows, dim, decode_cache_row);
      }
      for (int64_t d = 0; d < terms; d += kPanel) transpose16(key_rows + d, dim, keys + d * kKeyBlock + t, kKeyBlock);
    }
    if (value_pairs) {
#if defined(FL_VALUE_PAIRS)
      pair_values(task, sequence, head, base, present_begin, present_end, last, values, value_dim);
#endif
    } else {
      decode_cache_rows(task, task.values, sequence, head, base + present_begin, base + present_end, last,
                        values + present_begin * value_dim, value_dim, decode_cache_row);
    }
    score({q, dim, queries, keys, kKeyBlock, terms, width, scores, kKeyBlock}, pairs);

    // Rows of equal range are gathered together; a masked position is never multiplied, whatever lies there.
    int64_t run = begin;
    for (int64_t row = begin; row < end; ++row) {
      const KeyRange range = key_range(task, row, base);
      if (range.begin < range.end)
        for (int64_t i = (row - begin) * group; i < (row - begin + 1) * group; ++i)
          update(task, range, scores + i * kKeyBlock, largest + i, total + i, gathered + i * value_dim, value_dim);
      if (row + 1 < end) {
        const KeyRange next = key_range(task, row + 1, base);
        if (next.begin == range.begin && next.end == range.end) continue;
      }
      if (range.begin < range.end) {
        const int64_t i = (run - begin) * group;
#if defined(FL_VALUE_PAIRS)
        if (value_pairs)
          gather_pairs(scores + i * kKeyBlock, (row + 1 - run) * group, values, value_dim, range,
                       gathered + i * value_dim, edge);
        else
#endif
          multiply({scores + i * kKeyBlock + range.begin, kKeyBlock, (row + 1 - run) * group,
                    values + range.begin * value_dim, value_dim, range.end - range.begin, value_dim,
                    gathered + i * value_dim, value_dim});
      }
      run = row + 1;
    }
  }

#if defined(FL_TILES)
  close_tiles();
#endif

  for (int64_t i = 0; i < queries; ++i) {
    const int64_t row = begin + i / group;
    const int64_t query_head = head * group + i % group;
    const int64_t size = task.out_element == Element::kF32 ? 4 : 2;
    const Sink out = {task.out + row * task.out_row_stride + query_head * task.values.dim * size, task.out_element};
    const Vec divisor = set1(total[i]);
    map(source(gathered + i * value_dim), out, task.values.dim, [&](Vec v) { return div(v, divisor); });
  }
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
