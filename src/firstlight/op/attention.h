// Attention over a paged cache: prefill chunks and decode batches are the same op, a list of rows with a sequence and a
// position each.
#pragma once

#include "firstlight/op/op.h"

namespace firstlight::op {

// Row r attends to the positions max(0, pos[r] - window + 1) .. pos[r] of its own sequence (all of 0 .. pos[r] when
// window is 0); query head h reads KV head h / (Hq / Hkv). Keys and values up to pos[r] must already be appended.
//   out[r, h, :] = softmax_t(q[r, h] . k[t] * scale) v[t]
// Keys are visited in blocks anchored at position 0, so a row's bits depend on nothing but its own sequence.
// in: q [R, Hq, D] (may be strided), keys [pages, Hkv, page_size, D], values [pages, Hkv, page_size, Dv],
// sequences i32 [R], positions i32 [R], table i32 [S, P]. out: [R, Hq * Dv].
struct Attention {
  float scale = 1;
  std::int64_t window = 0;  // positions, the row's own included; 0 = no limit
  float softcap = 0;        // c > 0: scores become c * tanh(score / c)
  // The longest context of any row (max pos + 1), known to the host: the unit of cost, and of scratch.
  std::int64_t max_context = 0;
  // Sum over rows of the positions attended to: the unit of cost.
  std::int64_t attended = 0;
  static constexpr OpTraits kTraits{.min_inputs = 6, .max_inputs = 6, .kind = Kind::kComposite};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

}  // namespace firstlight::op
