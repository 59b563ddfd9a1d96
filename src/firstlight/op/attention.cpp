// Shape and cost of attention.
#include "firstlight/op/attention.h"

#include <algorithm>

#include "firstlight/op/rules.h"

namespace firstlight::op {

std::vector<Shape> Attention::infer(std::span<const TensorSpec> in) const {
  require_arity<Attention>(in, "attention");
  const Shape& q = in[0].shape;
  const Shape& keys = in[1].shape;
  const Shape& values = in[2].shape;
  require(q.rank() == 3 && is_float(in[0]), "attention", "q [R, Hq, D]");
  require(keys.rank() == 4 && is_float(in[1]) && keys[3] == q[2], "attention",
          "keys [pages, Hkv, page_size, D] with the D of q");
  require(values.rank() == 4 && is_float(in[2]) && values[0] == keys[0] && values[1] == keys[1] && values[2] == keys[2],
          "attention", "values [pages, Hkv, page_size, Dv] paged like the keys");
  require(keys[1] > 0 && q[1] % keys[1] == 0, "attention", "query heads that are a multiple of the KV heads");
  require(is_index(in[3], Shape{q[0]}) && is_index(in[4], Shape{q[0]}), "attention",
          "sequences and positions i32 [R] with the R of q");
  require(is_index(in[5], 2), "attention", "a page table i32 [S, P]");
  require(window >= 0 && softcap >= 0 && attended >= 0, "attention", "a window, softcap and attended count >= 0");
  require(max_context >= 0 && max_context <= in[5].shape[1] * keys[2], "attention",
          "a max_context that the page table holds");
  return {Shape{q[0], q[1] * values[3]}};
}

// Per query head and attended position: the score 2 D, its softmax 5, the weighted sum 2 Dv. A cached row is counted
// once for all rows of its sequence in this call: at most `attended` rows, and at most min(R, S) sequences of
// max_context rows each (exact for a decode batch of one length and for a prefill from position 0).
Cost Attention::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  const Shape& q = in[0].shape;
  const Shape& keys = in[1].shape;
  const Shape& values = in[2].shape;
  const std::int64_t cached = std::min(attended, std::min(q[0], in[5].shape[0]) * max_context);
  const std::int64_t position_bytes = keys[1] * (row_bytes(in[1].format, keys[3]) + row_bytes(in[2].format, values[3]));
  return {.flops = static_cast<double>(attended) * static_cast<double>(q[1]) *
                   (2.0 * static_cast<double>(q[2] + values[3]) + 5),
          .state_bytes = static_cast<double>(cached) * static_cast<double>(position_bytes),
          .activation_bytes = spec_bytes(in[0]) + bytes(in.subspan(3)) + spec_bytes(out[0])};
}

}  // namespace firstlight::op
