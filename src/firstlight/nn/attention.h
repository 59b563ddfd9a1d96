// Self-attention over the paged cache: projections, head norms, rotation, cache, softmax product, output projection.
#pragma once

#include <string>

#include "firstlight/nn/batch_tensors.h"
#include "firstlight/nn/decoder_spec.h"
#include "firstlight/nn/decoder_state.h"
#include "firstlight/nn/linear.h"
#include "firstlight/nn/norm.h"

namespace firstlight::nn {

class Attention {
 public:
  // Declares the weights below `key` ("model.layers.3.self_attn").
  Attention(run::WeightSink& sink, const std::string& key, const DecoderSpec& spec, std::size_t layer);

  // x [R, hidden] -> [R, hidden]; appends keys and values of the rows to the state's cache.
  run::Tensor operator()(run::Session& session, const run::Tensor& x, const BatchTensors& batch,
                         DecoderState& state) const;

 private:
  struct Heads {
    run::Tensor q;  // [R, Hq, D]
    run::Tensor k;  // [R, Hkv, D]
    run::Tensor v;  // [R, Hkv, D]
  };
  Heads project(run::Session& session, const run::Tensor& x) const;
  void rotate(run::Session& session, Heads& heads, const BatchTensors& batch, const DecoderState& state) const;

  AttentionSpec spec_;
  LayerSpec layer_;
  op::RopePairing pairing_ = op::RopePairing::kHalfSplit;
  int index_;  // of the layer
  Linear q_, k_, v_, qkv_, o_;
  Norm q_norm_, k_norm_;
  std::string q_rope_key_, k_rope_key_, k_cache_key_, v_cache_key_, sdpa_key_;
};

}  // namespace firstlight::nn
