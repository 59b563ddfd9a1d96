// The reference-free suite: changes that must leave every bit of the logits as it was (docs/definitions.md, "Same
// bits"). It needs no other implementation, and catches cache, batching, paging and threading bugs by name.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "firstlight/harness/verdict.h"
#include "firstlight/pipeline/engine.h"

namespace firstlight::harness {

struct InvarianceOptions {
  std::int64_t tokens = 520;                           // text length for chunk checks
  std::vector<std::int64_t> chunks = {1, 7, 33, 512};  // against the whole at once
  std::vector<int> batches = {1, 2, 3, 7, 31, 32};     // users decoding together, against each alone
  std::vector<int> threads = {1, 2};
};

struct InvarianceResult {
  std::string
      name;  // "chunk 7", "batch 31", "slot", "page order", "threads 1", "repeat", "prefill = decode", "traced = eager"
  bool equal = false;
  double max_abs = 0;  // of the logits that should be equal to the bit
  std::string where;   // first difference: "position 17, token id 5", or the user
};

// An engine of the same model and device with another number of threads.
using EngineFactory = std::function<std::unique_ptr<pipeline::Engine>(int threads)>;

std::vector<InvarianceResult> check_invariance(pipeline::Engine& engine, std::span<const std::int32_t> ids,
                                               const InvarianceOptions& options, const EngineFactory& with_threads);

std::vector<Verdict> verdicts(const std::vector<InvarianceResult>& results);

}  // namespace firstlight::harness
