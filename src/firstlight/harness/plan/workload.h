// The ops of one step on one chip, as the stack launches them: what each reads, multiplies, moves and sends. No times.
#pragma once

#include <string>
#include <vector>

#include "firstlight/harness/plan/memory.h"

namespace firstlight::harness::plan {

enum class WorkKind : std::uint8_t {
  kProduct,     // activations times a placed weight
  kAttention,   // scores, softmax, weighted sum over the cache
  kVector,      // element-wise: norms, rotation, activation, residual sums, cache updates
  kCollective,  // between chips
  kLookup,      // rows of the embedding
};

// One kind of op: `times` over all layers of the step, the rest for one of them.
struct Work {
  std::string name;  // "wqkv", "sdpa", "norm", ...
  WorkKind kind = WorkKind::kVector;
  double times = 1;
  double launches = 1;

  // kProduct: [m, k] x [k, n] on this chip.
  std::int64_t m = 0;
  std::int64_t k = 0;
  std::int64_t n = 0;
  Format format = Format::bf16;  // of the weight, or of the cache
  int phases = 0;
  bool fp32_partials = false;
  bool decode = true;  // one row of tiles, weights bank by bank; else blocks of tiles, weights interleaved

  // kAttention: `pairs` of user and KV head on this chip, each over `positions` (decode), or `pairs` query heads over
  // a causal square of them (prefill).
  std::int64_t pairs = 0;
  std::int64_t positions = 0;
  std::int64_t window = 0;  // of a causal square: the positions that a row attends to, 0 = all before it
  std::int64_t head_dim = 0;
  std::int64_t query_tiles = 1;  // rows of tiles that the query heads of a pair fill

  double dram_bytes = 0;  // read and written there, tiles padded
  double vector_elements = 0;
  double link_bytes = 0;  // kCollective: sent over each link of the axis
  int axis_chips = 1;     // kCollective
  int links = 1;
  bool two_axes = false;  // the mesh has two axes
};

// A decode step of every user at load.context, or the prefill of one user's load.prompt.
std::vector<Work> step_work(const Subject& subject, const Precision& precision, const Split& split, const Load& load,
                            run::Phase phase);

}  // namespace firstlight::harness::plan
