// The weight ledger: holding what a model declares against what a checkpoint has. Internal to run.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "firstlight/io/checkpoint.h"
#include "firstlight/run/loader.h"
#include "firstlight/run/source.h"
#include "firstlight/run/weights.h"

namespace firstlight::run {

// Everything that was declared.
struct Declarations {
  std::vector<WeightRequest> requests;
  std::vector<std::pair<std::string, std::string>> copies;   // name, of
  std::vector<std::pair<std::string, std::string>> ignored;  // pattern, reason
  std::vector<std::string> waivers;
};

// Which parts of which tensors make each request, all checked: every tensor used exactly once, or copied, ignored or
// waived. `uses` has the lines of tensors that are not placed. Throws kMismatch or kUnsupported.
struct Placement {
  std::vector<std::vector<PlacedPart>> parts;  // by request
  std::vector<LedgerLine> uses;
};
Placement check_ledger(const Declarations& declared, const io::Checkpoint& checkpoint);

}  // namespace firstlight::run
