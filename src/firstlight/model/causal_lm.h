// A Model that is a decoder: what every decoder-only language model has in common.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "firstlight/model/model.h"
#include "firstlight/nn/decoder.h"

namespace firstlight::model {

// Tensors of a checkpoint that the publisher's implementation does not read either.
struct IgnoredTensors {
  std::string pattern;
  std::string reason;
};

class CausalLm : public Model {
 public:
  CausalLm(const io::Config& config, std::string_view architecture, nn::DecoderSpec spec,
           std::vector<IgnoredTensors> ignored = {});

  const Description& description() const override { return description_; }
  void declare(run::WeightSink& sink) override;
  std::unique_ptr<nn::State> new_state(run::Session& session, const nn::StateOptions& options) const override;
  double state_bytes_per_position(const run::Policy& policy) const override;
  double state_bytes_read(const run::Policy& policy, std::int64_t context) const override;
  run::Tensor forward(run::Session& session, const nn::Batch& batch, nn::State& state) const override;
  std::vector<Component> components() const override;
  std::vector<StateLayer> state_layers() const override;

 private:
  nn::Decoder decoder_;
  std::vector<IgnoredTensors> ignored_;
  Description description_;
};

}  // namespace firstlight::model
