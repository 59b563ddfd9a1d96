// A mixture of experts: a router chooses some gated feed-forward blocks for each row and weighs what they give.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "firstlight/nn/decoder_spec.h"
#include "firstlight/nn/linear.h"

namespace firstlight::nn {

// Each expert sees only the rows that chose it. Which rows those are is read back from the device, so a step cannot be
// recorded as a trace. Nothing of a row depends on the others: its experts are added in the order of their indices.
class Moe {
 public:
  // Declares the weights below `layer_key`.`spec.name`, under the names of either kind of export.
  Moe(run::WeightSink& sink, const std::string& layer_key, std::int64_t hidden_size, const MoeSpec& spec);

  // x [R, hidden] -> [R, hidden]
  run::Tensor operator()(run::Session& session, const run::Tensor& x) const;

 private:
  struct Expert {
    std::string key;  // "model.layers.3.block_sparse_moe.experts.5"
    Linear gate, up, down;
  };
  run::Tensor run_expert(run::Session& session, const Expert& expert, const run::Tensor& x) const;

  std::string key_;
  std::int32_t top_;
  bool normalise_;
  op::UnaryKind activation_;
  Linear router_;
  std::vector<Expert> experts_;
};

}  // namespace firstlight::nn
