// Attention of a few query rows of one sequence over one KV head: keys in blocks of kKeyBlock positions that start at
// multiples of it, an online softmax over the blocks. For a row, block by block:
//   s[t] = q . k[t], one chain over D in order;  m' = max(m, max s);  p[t] = e^(s[t] - m')
//   l = l e^(m - m') + sum p, sixteen sums by t mod 16;  out = out e^(m - m') + p[t] v[t], one chain over the row's own
//   t in order
// so a row's bits depend on nothing but its own sequence. Where a table takes pairs of bf16 and both q and the keys are
// bf16, the chain of s adds two products a step, or with tiles 32 (tiles.h). Where such a table meets values of bf16
// and q is bf16 too, p is rounded to bf16 in front of its products (l has it in full), and they are added likewise
// (value_pairs.h). Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/value_pairs.h"

namespace firstlight::device::cpu::FL_ISA {
namespace {

#if defined(FL_PAIRS)
constexpr bool kHasPairs = true;
#else
constexpr bool kHasPairs = false;
#endif
#if defined(FL_TILES)
constexpr bool kHasTiles = true;
#else
constexpr bool kHasTiles = false;
#endif

// Queries that share one reading of the keys of their KV head: whole tiles of 6, of 12 and of 16, and what they gather
// stays in the second cache. With tiles the keys cost as much as a hundred queries.
constexpr int64_t kQueries = kHasTiles ? kMostQueries : 96;

// out = x w, of pairs of bf16 or of floats.
FL_INLINE void score(const MultiplyTask& products, [[maybe_unused]] bool pairs) {
#if defined(FL_TILES)
  if (pairs) return score_by_tiles(products);
#endif
#if defined(FL_PAIRS) && !defined(FL_TILES)
  if (pairs) return multiply_rows<false, PairTerms>(products);
#endif
  multiply_rows<false, FloatTerms>(products);
}

// What some queries have gathered so far: of each its scores of a block [kKeyBlock], the largest of all, sixteen sums
// of weights, and what it gathered [stride].
struct Queries {
  float* scores;
  float* largest;
  float* total;
  float* gathered;
  int64_t stride;
  FL_INLINE Queries from(const Queries& all, int64_t i) {
    return {all.scores + i * kKeyBlock, all.largest + i, all.total + i * kPanel, all.gathered + i * all.stride,
            all.stride};
  }
};

// The scores of a query as they count: scaled, and none beyond its range. Returns the largest.
template <bool kWhole>
FL_INLINE float prepare_scores(const AttentionTask& task, KeyRange range, float* scores) {
  static const float kLane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const Vec begin = set1(static_cast<float>(range.begin));
  const Vec end = set1(static_cast<float>(range.end));
  const Vec nothing = set1(-kInfinity);
  const Vec cap = set1(task.softcap);
  Vec top = nothing;
  for (int j = 0; j < kKeyBlock; j += 16) {
    Vec s = mul(load(scores + j), set1(task.scale));
    if (task.softcap > 0) s = mul(cap, tanh(div(s, cap)));
    if constexpr (!kWhole) {
      const Vec index = add(load(kLane), set1(static_cast<float>(j)));
      s = select_less(index, begin, nothing, select_less(index, end, s, nothing));
    }
    store(scores + j, s);
    top = max(top, s);
  }
  return max_lane(top);
}

// Turns the scores of queries of one range into weights, of bf16 where they meet pairs, and scales what they have
// gathered so far. Weights in full are e^(s - m); those that are rounded are 2^(s log2 e - m), m being the largest
// s log2 e. The largest scores of a few queries are found first, so that none waits for its own.
template <bool kPairs, bool kWhole>
void update_softmax(const AttentionTask& task, KeyRange range, const Queries& all, int64_t count) {
  constexpr int64_t kFew = 8;
  constexpr float kLog2E = 0x1.715476p+0F;
  // Scores as they are, if nothing is to happen to them but a factor above zero: it leaves the largest where it is.
  const bool plain = kPairs && kWhole && task.softcap <= 0 && task.scale > 0;
  const Vec factor = set1(!kPairs ? 1.0F : plain ? task.scale * kLog2E : kLog2E);
  for (int64_t first = 0; first < count; first += kFew) {
    const int64_t few = smaller(kFew, count - first);
    float before[kFew];
    float after[kFew];
    for (int64_t i = 0; i < few; ++i) {
      const Queries query = Queries::from(all, first + i);
      float block;
      if (plain) {
        Vec top = load(query.scores);
        FL_UNROLL
        for (int j = 1; j < kKeyBlock / 16; ++j) top = max(top, load(query.scores + 16 * j));
        block = max_lane(mul(top, factor));
      } else {
        block = prepare_scores<kWhole>(task, range, query.scores);
        if constexpr (kPairs) block *= kLog2E;
      }
      before[i] = *query.largest;
      after[i] = before[i] > block ? before[i] : block;
      *query.largest = after[i];
    }
    for (int64_t i = 0; i < few; ++i) {
      const Queries query = Queries::from(all, first + i);
      const Vec peak = set1(after[i]);
      Vec s[kKeyBlock / 16];
      Vec sums = zero();
      FL_UNROLL
      for (int j = 0; j < kKeyBlock / 16; ++j) {
        s[j] = load(query.scores + 16 * j);
        if constexpr (kPairs)
          s[j] = exp2_below(fma(s[j], factor, set1(-after[i])));
        else
          s[j] = kWhole ? exp(sub(s[j], peak)) : exp_or_zero(sub(s[j], peak));
      }
      FL_UNROLL
      for (int j = 0; j < kKeyBlock / 16; ++j) {
#if defined(FL_PAIRS)
        if constexpr (kPairs)
          store_weights(reinterpret_cast<uint16_t*>(query.scores) + 16 * j, s[j]);
        else
#endif
          store(query.scores + 16 * j, s[j]);
        sums = add(sums, s[j]);
      }
      if (before[i] == after[i]) {  // nothing fades
        store(query.total, add(load(query.total), sums));
        continue;
      }
      const Vec lower = sub(set1(before[i]), peak);
      const Vec fade = kPairs ? exp2_below(lower) : exp_or_zero(lower);
      store(query.total, fma(load(query.total), fade, sums));
      for (int64_t d = 0; d < query.stride; d += 16) store(query.gathered + d, mul(load(query.gathered + d), fade));
    }
  }
}

// What the rows of a block weigh the keys of one block by, and what they gather with it, rows of equal range together;
// a masked position is never multiplied, whatever lies there.
template <bool kPairs>
void gather(const AttentionTask& task, int64_t begin, int64_t end, int64_t base, const Queries& all,
            const float* values, [[maybe_unused]] float* edge) {
  constexpr bool kTiles = kPairs && kHasTiles;
  for (int64_t run = begin; run < end;) {
    const KeyRange range = key_range(task, run, base);
    int64_t run_end = run + 1;
    for (; run_end < end; ++run_end) {
      const KeyRange next = key_range(task, run_end, base);
      if (next.begin != range.begin || next.end != range.end) break;
    }
    const Queries queries = Queries::from(all, (run - begin) * task.group);
    const int64_t count = (run_end - run) * task.group;
    run = run_end;
    if (range.begin >= range.end) {
      if constexpr (kTiles)  // weights of zero
        for (int64_t i = 0; i < count; ++i)
          __builtin_memset(queries.scores + i * kKeyBlock, 0, kKeyBlock / 2 * sizeof(float));
      continue;
    }
    if (range.begin == 0 && range.end == kKeyBlock)
      update_softmax<kPairs, true>(task, range, queries, count);
    else
      update_softmax<kPairs, false>(task, range, queries, count);
    if constexpr (!kTiles) {
#if defined(FL_PAIRS) && !defined(FL_TILES)
      if constexpr (kPairs) {
        gather_pairs(queries.scores, count, values, all.stride, range, queries.gathered, edge);
        continue;
      }
#endif
      multiply({queries.scores + range.begin, kKeyBlock, count, values + range.begin * all.stride, all.stride,
                range.end - range.begin, all.stride, queries.gathered, all.stride});
    }
  }
#if defined(FL_TILES)
  if constexpr (kTiles) gather_tiles(task, begin, end, base, all.scores, values, all.stride, all.gathered);
#endif
}

// The keys of the positions [begin, end) of the block at `base`, [terms][kKeyBlock], through rows [16][stride] of which
// the last terms are zeros.
FL_INLINE void take_keys(const AttentionTask& task, int64_t sequence, int64_t head, int64_t base, int64_t begin,
                         int64_t end, int64_t last, bool pairs, int64_t terms, float* rows, int64_t stride,
                         float* keys) {
  for (int64_t t = 0; t < padded_lanes(end); t += kPanel) {
    const int64_t from = t > begin ? t : begin;
    const int64_t to = smaller(t + kPanel, end);
    float* first = rows + (from - t) * stride;
    if (pairs)
      decode_cache_rows(task, task.keys, sequence, head, base + from, base + to, last, first, stride, copy_pairs);
    else
      decode_cache_rows(task, task.keys, sequence, head, base + from, base + to, last, first, stride, decode_cache_row);
    for (int64_t d = 0; d < terms; d += kPanel) transpose16(rows + d, stride, keys + d * kKeyBlock + t, kKeyBlock);
  }
}

// The values of the same positions: [kKeyBlock][stride], of pairs half as many.
FL_INLINE void take_values(const AttentionTask& task, int64_t sequence, int64_t head, int64_t base, int64_t begin,
                           int64_t end, int64_t last, [[maybe_unused]] bool pairs, float* values, int64_t stride) {
#if defined(FL_PAIRS)
  if (pairs) {
    pair_values(task, sequence, head, base, begin, end, last, values, stride);
#if defined(FL_TILES)
    clear_pairs(begin, end, values, stride);
#endif
    return;
  }
#endif
  decode_cache_rows(task, task.values, sequence, head, base + begin, base + end, last, values + begin * stride, stride,
                    decode_cache_row);
}

void attention(const AttentionTask& task, int64_t begin, int64_t end, int64_t head, float* scratch) {
  const bool pairs = kHasPairs && task.q_element == Element::kBf16 && task.keys.code == CacheCode::kBf16;
  const bool value_pairs = kHasPairs && task.q_element == Element::kBf16 && task.values.code == CacheCode::kBf16;
  const int64_t terms = pairs ? (task.keys.dim + 1) / 2 : task.keys.dim;  // of a chain over D
  const int64_t group = task.group;
  const int64_t queries = (end - begin) * group;
  const int64_t padded = padded_queries(queries);  // zeros beyond them
  const int64_t dim = padded_lanes(terms);
  const int64_t value_dim = padded_lanes(task.values.dim);
  float* q = scratch;                              // [padded][dim]
  float* gathered = q + padded * dim;              // [padded][value_dim]
  float* scores = gathered + padded * value_dim;   // [padded][kKeyBlock]
  float* largest = scores + padded * kKeyBlock;    // [queries]
  float* total = largest + padded_lanes(queries);  // [queries][16]
  float* key_rows = total + queries * kPanel;      // [16][dim]
  float* keys = key_rows + kPanel * dim;           // [dim][kKeyBlock]
  float* values = keys + dim * kKeyBlock;          // [kKeyBlock][value_dim]
  float* edge = values + kKeyBlock * value_dim;    // [value_dim]

  int64_t first = key_range(task, begin, 0).begin;
  int64_t last = 0;
  for (int64_t i = 0; i < padded * dim; i += kPanel) store(q + i, zero());
  for (int64_t row = begin; row < end; ++row) {
    first = smaller(first, key_range(task, row, 0).begin);
    last = last > task.positions[row] ? last : task.positions[row];
    for (int64_t g = 0; g < group; ++g) {
      const uint8_t* from = task.q + row * task.q_row_stride + (head * group + g) * task.q_head_stride;
      const int64_t i = (row - begin) * group + g;
      if (pairs)
        copy_pairs(task.keys, from, q + i * dim);
      else
        convert({from, task.q_element}, sink(q + i * dim), task.keys.dim);
      largest[i] = -kInfinity;
      store(total + i * kPanel, zero());
    }
  }
  for (int64_t i = 0; i < padded * value_dim; i += kPanel) store(gathered + i, zero());
  for (int64_t i = 0; i < kPanel * dim; i += kPanel) store(key_rows + i, zero());

#if defined(FL_TILES)
  open_tiles(smaller(queries, kTileSide));
#endif
  const int64_t sequence = task.sequences[begin];
  const auto gather_block = value_pairs ? gather<kHasPairs> : gather<false>;
  for (int64_t base = first / kKeyBlock * kKeyBlock; base <= last; base += kKeyBlock) {
    const int64_t present_begin = first > base ? first - base : 0;  // rows of the cache that any query needs
    const int64_t present_end = smaller(kKeyBlock, last + 1 - base);
    take_keys(task, sequence, head, base, present_begin, present_end, last, pairs, terms, key_rows, dim, keys);
    take_values(task, sequence, head, base, present_begin, present_end, last, value_pairs, values, value_dim);
    score({q, dim, padded, keys, kKeyBlock, terms, padded_lanes(present_end), scores, kKeyBlock}, pairs);
    gather_block(task, begin, end, base, {scores, largest, total, gathered, value_dim}, values, edge);
  }
#if defined(FL_TILES)
  close_tiles();
#endif

  for (int64_t i = 0; i < queries; ++i) {
    const int64_t row = begin + i / group;
    const int64_t query_head = head * group + i % group;
    const int64_t size = task.out_element == Element::kF32 ? 4 : 2;
    const Sink out = {task.out + row * task.out_row_stride + query_head * task.values.dim * size, task.out_element};
    const Vec divisor = set1(sum(load(total + i * kPanel)));
    map(source(gathered + i * value_dim), out, task.values.dim, [&](Vec v) { return div(v, divisor); });
  }
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
