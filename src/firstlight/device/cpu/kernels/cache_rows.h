// Rows of the paged cache, one position after the other. Text compiled once per ISA.
#pragma once

#include "firstlight/device/cpu/kernels/math.h"

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

// The rows of one head of a sequence from a position on. While a page is read the same rows of the next one are
// fetched, up to the position `last`: pages lie anywhere, so the hardware does not foresee them.
class CacheRows {
 public:
  CacheRows(const AttentionTask& task, const CacheSide& side, int64_t sequence, int64_t head, int64_t position,
            int64_t last)
      : task_(task), side_(side), sequence_(sequence), head_(head), position_(position), last_(last) {}
  const uint8_t* next() {
    constexpr int64_t kCacheLine = 64;
    if (left_ > 0) {
      row_ += side_.row_stride;
    } else {
      row_ = cache_row(task_, side_, sequence_, head_, position_);
      left_ = task_.page_size - position_ % task_.page_size;
      more_ = position_ + task_.page_size <= last_;
      ahead_ = more_ ? cache_row(task_, side_, sequence_, head_, position_ + task_.page_size) - row_ : 0;
    }
    --left_;
    ++position_;
    if (more_)
      for (int64_t i = 0; i < side_.row_stride; i += kCacheLine) __builtin_prefetch(row_ + ahead_ + i);
    return row_;
  }

 private:
  const AttentionTask& task_;
  const CacheSide& side_;
  int64_t sequence_;
  int64_t head_;
  int64_t position_;
  int64_t last_;
  const uint8_t* row_ = nullptr;
  int64_t left_ = 0;  // rows of the page
  int64_t ahead_ = 0;
  bool more_ = false;
};

// The rows of the positions [begin, end) of a sequence as floats or pairs, `stride` floats apart.
template <typename Decode>
FL_INLINE void decode_cache_rows(const AttentionTask& task, const CacheSide& side, int64_t sequence, int64_t head,
                                 int64_t begin, int64_t end, int64_t last, float* dst, int64_t stride,
                                 const Decode& decode) {
  CacheRows rows(task, side, sequence, head, begin, last);
  for (int64_t t = begin; t < end; ++t, dst += stride) decode(side, rows.next(), dst);
}

}  // namespace
}  // namespace firstlight::device::cpu::FL_ISA
