// The ops of a feed-forward block in order.
#include "firstlight/nn/mlp.h"

namespace firstlight::nn {

Mlp::Mlp(run::WeightSink& sink, const std::string& key, std::int64_t hidden_size, const MlpSpec& spec) : spec_(spec) {
  const auto input = [&](const Projection& projection, std::int64_t outputs) {
    return Linear(sink, key + "." + projection.name, run::Group::kFf1_3, hidden_size, outputs, projection);
  };
  const std::int64_t size = spec.intermediate_size;
  if (spec.kind == MlpKind::kGatedFused) gate_up_ = input(spec.gate_up, 2 * size);
  if (spec.kind == MlpKind::kGated) gate_ = input(spec.gate, size);
  if (spec.kind != MlpKind::kGatedFused) up_ = input(spec.up, size);
  down_ = Linear(sink, key + "." + spec.down.name, run::Group::kFf2, size, hidden_size, spec.down);
  activation_key_ = key + (spec.kind == MlpKind::kPlain ? ".act" : ".gated");
}

run::Tensor Mlp::inner(run::Session& session, const run::Tensor& x) const {
  switch (spec_.kind) {
    case MlpKind::kPlain:
      return run::unary(session, activation_key_, spec_.activation, up_(session, x));
    case MlpKind::kGated: {
      const run::Tensor gate = gate_(session, x);
      return run::gated(session, activation_key_, spec_.activation, gate, up_(session, x));
    }
    case MlpKind::kGatedFused: {
      const run::Tensor both = divisible(session, gate_up_.key(), gate_up_(session, x));  // [R, 2 * intermediate]
      const std::int64_t size = spec_.intermediate_size;
      return run::gated(session, activation_key_, spec_.activation, both.columns(0, size),
                        both.columns(size, 2 * size));
    }
  }
  return {};
}

run::Tensor Mlp::operator()(run::Session& session, const run::Tensor& x) const {
  return down_(session, inner(session, x));
}

}  // namespace firstlight::nn
