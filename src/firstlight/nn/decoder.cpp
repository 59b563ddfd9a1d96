// Layers in order; the residual form decides how a layer's parts are summed.
#include "firstlight/nn/decoder.h"

#include "firstlight/base/error.h"

namespace firstlight::nn {
namespace {

std::variant<Mlp, Moe> make_feed_forward(run::WeightSink& sink, const std::string& layer_key, const DecoderSpec& spec) {
  if (spec.moe) return Moe(sink, layer_key, spec.hidden_size, *spec.moe);
  return Mlp(sink, layer_key + "." + spec.mlp.name, spec.hidden_size, spec.mlp);
}

}  // namespace

DecoderLayer::DecoderLayer(run::WeightSink& sink, const DecoderSpec& spec, std::size_t layer)
    : key_(spec.layer_key(layer)),
      sum_key_(key_ + ".add"),
      residual_(spec.residual),
      first_norm_(sink, key_ + "." + spec.first_norm, spec.hidden_size, spec.norm),
      attention_(sink, key_ + "." + spec.attention.name, spec, layer),
      second_norm_(residual_ == ResidualKind::kParallel
                       ? Norm()
                       : Norm(sink, key_ + "." + spec.second_norm, spec.hidden_size, spec.norm)),
      feed_forward_(make_feed_forward(sink, key_, spec)) {}

run::Tensor DecoderLayer::operator()(run::Session& session, const run::Tensor& x, const BatchTensors& batch,
                                     DecoderState& state) const {
  const run::Tensor normed = first_norm_(session, x);
  const run::Tensor attended = attention_(session, normed, batch, state);
  const auto feed_forward = [&](const run::Tensor& y) {
    return std::visit([&](const auto& block) { return block(session, y); }, feed_forward_);
  };
  switch (residual_) {
    case ResidualKind::kSequential: {
      const run::Tensor sum = run::add(session, sum_key_, x, attended);
      return run::add(session, key_, sum, feed_forward(second_norm_(session, sum)));
    }
    case ResidualKind::kParallel:
      return run::add(session, key_, x, run::add(session, sum_key_, attended, feed_forward(normed)));
    case ResidualKind::kParallelTwoNorms:
      return run::add(session, key_, x, run::add(session, sum_key_, attended, feed_forward(second_norm_(session, x))));
  }
  return {};
}

void Decoder::declare(run::WeightSink& sink) {
  FL_CHECK(!ends_);
  ends_.emplace(sink, spec_);
  for (std::size_t i = 0; i < spec_.layers.size(); ++i) layers_.emplace_back(sink, spec_, i);
  final_norm_ = Norm(sink, spec_.prefix + spec_.final_norm, spec_.hidden_size, spec_.norm);
}

std::unique_ptr<DecoderState> Decoder::new_state(run::Session& session, const StateOptions& options) const {
  return std::make_unique<DecoderState>(session, spec_, options);
}

run::Tensor Decoder::forward(run::Session& session, const Batch& batch, DecoderState& state) const {
  FL_CHECK(ends_);
  if (batch.rows() == 0) return {};
  run::Tensor logits;
  if (state.step().serves(session, batch)) {
    logits = state.step().run(session, batch, state,
                              [&](const BatchTensors& tensors) { return compute(session, batch, tensors, state); });
  } else {
    logits = compute(session, batch, make_batch_tensors(session, batch, state), state);
  }
  advance(batch, state);
  return logits;
}

run::Tensor Decoder::compute(run::Session& session, const Batch& batch, const BatchTensors& tensors,
                             DecoderState& state) const {
  run::Tensor x = ends_->embed(session, tensors.ids, tensors.positions);  // [R, hidden]
  for (const DecoderLayer& layer : layers_) x = layer(session, x, tensors, state);
  if (batch.logit_rows.empty()) return {};
  if (!batch.every_row_has_logits()) {
    const Shape shape{static_cast<std::int64_t>(batch.logit_rows.size())};
    const run::Tensor index = session.upload(HostTensor::from(batch.logit_rows, shape));
    x = run::gather_rows(session, spec_.prefix + "gather_rows", x, index);
  }
  return ends_->logits(session, final_norm_(session, x));
}

}  // namespace firstlight::nn
