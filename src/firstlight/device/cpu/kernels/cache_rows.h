// Rows of the paged cache, one position after the other. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/unrolled.h"

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

// A row of bf16 as it is: a pair in the place of each float.
FL_INLINE void copy_pairs(const CacheSide& side, const uint8_t* row, float* dst) {
  __builtin_memcpy(dst, row, static_cast<size_t>(side.dim) * 2);
}

FL_INLINE const uint8_t* cache_row(const AttentionTask& task, const CacheSide& side, int64_t sequence, int64_t head,
                                   int64_t position) {
  const int64_t page = task.table[sequence * task.table_stride + position / task.page_size];
  return side.data + page * side.page_stride + head * side.head_stride + position % task.page_size * side.row_stride;
}

// Calls body(row, position) for the positions [begin, end) of a sequence. While a page is read the same rows of the
// next one are fetched, up to the position `last`: pages lie anywhere, so the hardware does not foresee them.
template <typename Body>
FL_INLINE void each_cache_row(const AttentionTask& task, const CacheSide& side, int64_t sequence, int64_t head,
                              int64_t begin, int64_t end, int64_t last, const Body& body) {
  for (int64_t t = begin; t < end;) {
    const int64_t page_end = smaller(end, (t / task.page_size + 1) * task.page_size);
    const uint8_t* row = cache_row(task, side, sequence, head, t);
    const bool more = t + task.page_size <= last;
    const int64_t ahead = more ? cache_row(task, side, sequence, head, t + task.page_size) - row : 0;
    for (; t < page_end; ++t, row += side.row_stride) {
      if (more)
        for (int64_t i = 0; i < side.row_stride; i += kLine) __builtin_prefetch(row + ahead + i);
      body(row, t);
    }
  }
}

// The rows of the positions [begin, end) of a sequence as floats or pairs, `stride` floats apart.
template <typename Decode>
FL_INLINE void decode_cache_rows(const AttentionTask& task, const CacheSide& side, int64_t sequence, int64_t head,
                                 int64_t begin, int64_t end, int64_t last, float* dst, int64_t stride,
                                 const Decode& decode) {
  each_cache_row(task, side, sequence, head, begin, end, last,
                 [&](const uint8_t* row, int64_t t) FL_STEP { decode(side, row, dst + (t - begin) * stride); });
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
