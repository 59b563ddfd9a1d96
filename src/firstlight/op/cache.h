// Pages of a KV cache. A cache is one tensor [pages, H, page_size, D] in the policy's format (block formats along D); a
// page table i32 [S, P] names, for sequence s, the page that holds its positions [i * page_size, (i + 1) * page_size).
#pragma once

#include "firstlight/op/op.h"

namespace firstlight::op {

// cache[table[seq[r], pos[r] / page_size], h, pos[r] % page_size, :] = x[r, h, :], rounded to the cache's format.
// in: x [R, H, D] (may be strided), sequences i32 [R], positions i32 [R], table i32 [S, P]. in place: the cache, so
// infer() checks the operands and gives no shape; cost() checks the cache. Two rows of one call name different places.
struct CacheAppend {
  static constexpr OpTraits kTraits{.min_inputs = 4, .max_inputs = 4, .in_place = true};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

// out[h, t, :] = the cached row of position t of `sequence`, t in [0, length).
// in: cache, table i32 [S, P]. out: [H, length, D].
struct CacheGather {
  std::int64_t sequence = 0;
  std::int64_t length = 0;
  static constexpr OpTraits kTraits{.min_inputs = 2, .max_inputs = 2};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

}  // namespace firstlight::op
