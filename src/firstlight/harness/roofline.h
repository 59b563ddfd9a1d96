// The theoretical maximum of decoding, transparently: a byte ledger, and three definitions beside each other
// (tt_stack.md §6.5), for this machine's measured bandwidth or a board's nominal one.
#pragma once

#include <string>
#include <vector>

#include "firstlight/harness/verdict.h"
#include "firstlight/model/model.h"

namespace firstlight::harness {

// How stored bytes are padded: to 32x32 tiles as the boards do, or to blocks of 16 columns as host devices do.
enum class Padding : std::uint8_t { kTiles, kBlocks };

struct ByteLine {
  std::string name;    // policy group, "kv_cache", "embedding rows", ...
  std::string format;  // "bfp8", or "bfp4 + bfp8" where layers differ
  std::int64_t tensors = 0;
  std::int64_t parameters = 0;
  double stored_bytes = 0;    // memory it takes
  double bytes_per_step = 0;  // read in one decode step
};

struct ByteLedger {
  std::string policy;
  std::int64_t context = 0;  // cached positions of each user
  int batch = 1;
  std::int64_t parameters = 0;
  std::vector<ByteLine> lines;
  double weight_bytes = 0;  // stored, padding included
  double state_bytes = 0;   // KV of all users at the context
  double bytes_per_step = 0;
  double f32_weight_bytes = 0;     // what the same weights take in f32: "share of bytes saved"
  double source_weight_bytes = 0;  // in bf16, as publishers ship them
  Json json() const;
};

// Of a mixture, the experts that a step reads: of `all`, those that `per_token` for each user of the batch leave unused
// are not (their expected number, users choosing at random). all = 0: every declared weight is read.
struct ExpertUse {
  std::int64_t all = 0;
  std::int64_t per_token = 0;
  double share(int batch) const;
};

// What a ledger is made from; `requests` come from the model's declaration (WeightPlanSink), so no weights are needed.
struct LedgerSource {
  const std::vector<run::WeightRequest>& requests;
  double state_bytes = 0;  // that a step of one user reads at the context, under the policy
  Format state_format = Format::bf16;
  ExpertUse experts;
};
ByteLedger byte_ledger(const LedgerSource& source, const run::Policy& policy, std::int64_t context, int batch,
                       Padding padding);
// Whether a weight belongs to one expert of a mixture.
bool is_expert(const run::WeightRequest& request);
ByteLedger byte_ledger(const model::Model& model, const std::vector<run::WeightRequest>& requests,
                       const run::Policy& policy, std::int64_t context, int batch, Padding padding);

// One definition of the maximum, in decode steps/s = t/s/u.
struct Maximum {
  std::string definition;  // "strict", "bounty", "reachable"
  std::string formula;     // with the numbers filled in
  double bytes = 0;
  double bandwidth = 0;  // bytes/s
  double tokens_per_s_per_user = 0;
};

// strict, bounty, reachable: in that order.
std::vector<Maximum> maxima(const ByteLedger& ledger, double bandwidth, std::string_view bandwidth_origin);

struct TierResult {
  std::string definition;
  double share = 0;  // measured / maximum
  std::string tier;  // "" below the lowest
};
std::vector<TierResult> tiers(double tokens_per_s_per_user, const std::vector<Maximum>& maxima, const Target& target);
// For a report: both rates and the tier, and why a share of the strict maximum can be above 1.
std::string tier_note(double tokens_per_s_per_user, const Maximum& maximum, const TierResult& reached);

}  // namespace firstlight::harness
