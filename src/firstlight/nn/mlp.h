// The feed-forward block, by its kind.
#pragma once

#include <cstdint>
#include <string>

#include "firstlight/nn/decoder_spec.h"
#include "firstlight/nn/linear.h"

namespace firstlight::nn {

class Mlp {
 public:
  // Declares the weights below `key` ("model.layers.3.mlp").
  Mlp(run::WeightSink& sink, const std::string& key, std::int64_t hidden_size, const MlpSpec& spec);

  // x [R, hidden] -> [R, hidden]
  run::Tensor operator()(run::Session& session, const run::Tensor& x) const;

 private:
  run::Tensor inner(run::Session& session, const run::Tensor& x) const;  // [R, intermediate]

  MlpSpec spec_;
  Linear gate_, up_, gate_up_, down_;
  std::string activation_key_;
};

}  // namespace firstlight::nn
