// What a policy says of a subject's weights and ops, with changes tried on top of it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "firstlight/run/policy.h"
#include "firstlight/run/session.h"
#include "firstlight/run/weights.h"

namespace firstlight::harness::plan {

// The policy outlives this.
class Precision {
 public:
  explicit Precision(const run::Policy& policy) : policy_(&policy) {}

  // The same with one group in another format wherever it stands.
  Precision with(run::Group group, Format format) const;
  // The same with every product of a group at `phases` fidelity phases (nullopt: attention).
  Precision with_phases(std::optional<run::Group> group, int phases) const;

  const run::Policy& policy() const { return *policy_; }
  Format weight(const run::WeightRequest& request) const;
  Format of(std::string_view key, run::Group group) const;
  // Fidelity phases of the product with this weight. Where the policy names no setting: as many as the weight's format
  // has mantissa bits for (tt_stack.md §7.3), two for the LM head.
  int phases(const run::WeightRequest& request, run::Phase phase) const;
  // Whether partial sums are kept in fp32: not at the settings that trade that for L1 ("lofi", "hifi2fp16", "hifi2na").
  bool fp32_partials(const run::WeightRequest& request, run::Phase phase) const;
  int attention_phases(std::string_view key, run::Phase phase) const;

 private:
  const run::Policy* policy_;
  std::map<run::Group, Format> formats_;
  std::map<run::Group, int> phases_;
  std::optional<int> attention_phases_;
};

// LoFi 1, HiFi2 2, HiFi3 3, HiFi4 4, by the setting's name ("hifi2fp16"). Throws kUsage on another name.
int phases_of_setting(std::string_view setting);

// Bytes of a matrix in whole 32x32 tiles.
double tiled_bytes(Format format, std::int64_t rows, std::int64_t columns);
double tile_bytes(Format format);

}  // namespace firstlight::harness::plan
