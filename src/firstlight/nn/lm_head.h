// The embedding table and the product that gives logits: one weight when they are tied.
#pragma once

#include <string>

#include "firstlight/nn/decoder_spec.h"
#include "firstlight/run/ops.h"
#include "firstlight/run/weights.h"

namespace firstlight::nn {

class EmbeddingAndHead {
 public:
  EmbeddingAndHead(run::WeightSink& sink, const DecoderSpec& spec);

  // ids, positions i32 [R] -> [R, hidden]
  run::Tensor embed(run::Session& session, const run::Tensor& ids, const run::Tensor& positions) const;
  // x [R, hidden] -> logits f32 [R, vocab]
  run::Tensor logits(run::Session& session, const run::Tensor& x) const;

 private:
  bool tied_;
  std::string embedding_key_;
  std::string head_key_;
  std::string positions_key_;
  std::string sum_key_;    // of embedding and position: "transformer.add"
  run::Weight table_;      // undeclared when tied
  run::Weight positions_;  // undeclared where positions are not learned
  run::Weight head_;
  run::Weight head_bias_;
};

}  // namespace firstlight::nn
