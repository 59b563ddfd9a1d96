// A tied table is stored once, in the head's form.
#include "firstlight/nn/lm_head.h"

namespace firstlight::nn {

EmbeddingAndHead::EmbeddingAndHead(run::WeightSink& sink, const DecoderSpec& spec)
    : tied_(spec.tied_head), embedding_key_(spec.prefix + spec.embedding), head_key_(spec.head.name) {
  const std::string table_name = embedding_key_ + ".weight";
  const std::string head_name = head_key_ + ".weight";
  if (tied_) {
    sink.stored_copy(head_name, table_name);
  } else {
    table_ = sink.table(embedding_key_, run::Group::kEmbedding, spec.vocab_size, spec.hidden_size, table_name);
  }
  head_ =
      sink.linear(head_key_, run::Group::kLmHead, spec.hidden_size, spec.vocab_size, tied_ ? table_name : head_name);
  if (spec.positions) {
    positions_key_ = spec.prefix + spec.positions->name;
    sum_key_ = spec.prefix + "add";
    positions_ = sink.table(positions_key_, run::Group::kEmbedding, spec.positions->count, spec.hidden_size,
                            positions_key_ + ".weight");
  }
  if (spec.head.bias) head_bias_ = sink.vector(head_key_ + ".bias", spec.vocab_size, head_key_ + ".bias");
}

run::Tensor EmbeddingAndHead::embed(run::Session& session, const run::Tensor& ids, const run::Tensor& positions) const {
  const run::Tensor x = run::embedding(session, embedding_key_, tied_ ? head_ : table_, ids, tied_);
  if (!positions_.declared()) return x;
  return run::add(session, sum_key_, x, run::embedding(session, positions_key_, positions_, positions));
}

run::Tensor EmbeddingAndHead::logits(run::Session& session, const run::Tensor& x) const {
  return run::linear_f32(session, head_key_, x, head_, head_bias_);
}

}  // namespace firstlight::nn
