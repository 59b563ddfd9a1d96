// Shapes and costs of cache pages.
#include "firstlight/op/cache.h"

#include "firstlight/op/rules.h"

namespace firstlight::op {

// The cache is the caller's own output, so no shape comes back; cost() checks it against the operands.
std::vector<Shape> CacheAppend::infer(std::span<const TensorSpec> in) const {
  require_arity<CacheAppend>(in, "cache_append");
  require(in[0].shape.rank() == 3 && is_float(in[0]), "cache_append", "x [R, H, D]");
  const Shape per_row{in[0].shape[0]};
  require(is_index(in[1], per_row) && is_index(in[2], per_row), "cache_append",
          "sequences and positions i32 [R] with the R of x");
  require(is_index(in[3], 2), "cache_append", "a page table i32 [S, P]");
  return {};
}

Cost CacheAppend::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  const Shape& x = in[0].shape;
  require(out.size() == 1 && is_float(out[0]) && out[0].shape.rank() == 4 && out[0].shape[1] == x[1] &&
              out[0].shape[3] == x[2],
          "cache_append", "a cache [pages, H, page_size, D] with the H and D of x");
  return {.state_bytes = spec_bytes({x, out[0].format}), .activation_bytes = bytes(in)};
}

std::vector<Shape> CacheGather::infer(std::span<const TensorSpec> in) const {
  require_arity<CacheGather>(in, "cache_gather");
  require(in[0].shape.rank() == 4 && is_float(in[0]), "cache_gather", "a cache [pages, H, page_size, D]");
  require(is_index(in[1], 2), "cache_gather", "a page table i32 [S, P]");
  require(sequence >= 0 && sequence < in[1].shape[0], "cache_gather", "a sequence of the page table");
  require(length >= 0 && length <= in[1].shape[1] * in[0].shape[2], "cache_gather",
          "a length that the sequence's pages hold");
  return {Shape{in[0].shape[1], length, in[0].shape[3]}};
}

Cost CacheGather::cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const {
  return {.state_bytes = spec_bytes({out[0].shape, in[0].format}), .activation_bytes = bytes(out)};
}

}  // namespace firstlight::op
