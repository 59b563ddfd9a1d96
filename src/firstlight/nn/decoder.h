// A stack of attention and feed-forward layers between an embedding and a language-model head.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "firstlight/nn/attention.h"
#include "firstlight/nn/decoder_spec.h"
#include "firstlight/nn/lm_head.h"
#include "firstlight/nn/mlp.h"
#include "firstlight/nn/moe.h"
#include "firstlight/nn/norm.h"
#include "firstlight/nn/state.h"

namespace firstlight::nn {

class DecoderLayer {
 public:
  DecoderLayer(run::WeightSink& sink, const DecoderSpec& spec, std::size_t layer);

  // x [R, hidden] -> [R, hidden]: the output named by the layer's key
  run::Tensor operator()(run::Session& session, const run::Tensor& x, const BatchTensors& batch,
                         DecoderState& state) const;

 private:
  std::string key_;      // "model.layers.3"
  std::string sum_key_;  // of the inner residual sum: "model.layers.3.add"
  ResidualKind residual_;
  Norm first_norm_;
  Attention attention_;
  Norm second_norm_;
  std::variant<Mlp, Moe> feed_forward_;
};

class Decoder {
 public:
  explicit Decoder(DecoderSpec spec) : spec_(std::move(spec)) {}

  const DecoderSpec& spec() const { return spec_; }
  // Declares all weights. Call once.
  void declare(run::WeightSink& sink);
  std::unique_ptr<DecoderState> new_state(run::Session& session, const StateOptions& options) const;
  // Logits f32 [batch.logit_rows, vocab]; an empty Tensor when no row is asked for.
  run::Tensor forward(run::Session& session, const Batch& batch, DecoderState& state) const;

 private:
  DecoderSpec spec_;
  // Logits of rows whose tensors are made.
  run::Tensor compute(run::Session& session, const Batch& batch, const BatchTensors& tensors,
                      DecoderState& state) const;

  std::optional<EmbeddingAndHead> ends_;
  std::vector<DecoderLayer> layers_;
  Norm final_norm_;
};

}  // namespace firstlight::nn
