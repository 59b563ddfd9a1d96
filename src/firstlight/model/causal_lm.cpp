// Description and delegation.
#include "firstlight/model/causal_lm.h"

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/model/features.h"

namespace firstlight::model {

CausalLm::CausalLm(const io::Config& config, std::string_view architecture, nn::DecoderSpec spec,
                   std::vector<IgnoredTensors> ignored)
    : decoder_(std::move(spec)), ignored_(std::move(ignored)) {
  const nn::DecoderSpec& made = decoder_.spec();
  description_.model_type = config.string("model_type");
  description_.architecture = architecture;
  description_.vocab_size = made.vocab_size;
  description_.hidden_size = made.hidden_size;
  description_.layers = static_cast<std::int64_t>(made.layers.size());
  description_.heads = made.attention.heads;
  description_.kv_heads = made.attention.kv_heads;
  description_.head_dim = made.attention.head_dim;
  description_.intermediate_size = made.moe ? made.moe->expert.intermediate_size : made.mlp.intermediate_size;
  description_.max_positions = made.positions       ? made.positions->count
                               : made.ropes.empty() ? 0
                                                    : made.ropes.front().config.max_position;
  description_.tied_embeddings = made.tied_head;
  description_.features = decoder_features(made);
  description_.layer_prefix = made.prefix + made.layer_prefix;
}

void CausalLm::declare(run::WeightSink& sink) {
  sink.optional_prefix(decoder_.spec().prefix);
  decoder_.declare(sink);
  for (const IgnoredTensors& tensors : ignored_) sink.ignore(tensors.pattern, tensors.reason);
}

std::unique_ptr<nn::State> CausalLm::new_state(run::Session& session, const nn::StateOptions& options) const {
  return decoder_.new_state(session, options);
}

double CausalLm::state_bytes_per_position(const run::Policy& policy) const {
  double bytes = 0;
  for (const nn::KvLayer& layer : nn::kv_layers(decoder_.spec())) {
    bytes += nn::kv_bytes_per_position(layer, policy.format(layer.key, run::Group::kKvCache));
  }
  return bytes;
}

double CausalLm::state_bytes_read(const run::Policy& policy, std::int64_t context) const {
  double bytes = 0;
  for (const nn::KvLayer& layer : nn::kv_layers(decoder_.spec())) {
    const std::int64_t positions = layer.window > 0 ? std::min(context, layer.window) : context;
    bytes += nn::kv_bytes_per_position(layer, policy.format(layer.key, run::Group::kKvCache)) *
             static_cast<double>(positions);
  }
  return bytes;
}

run::Tensor CausalLm::forward(run::Session& session, const nn::Batch& batch, nn::State& state) const {
  auto* own = dynamic_cast<nn::DecoderState*>(&state);
  FL_CHECK(own != nullptr);  // a state is made by the model that uses it
  return decoder_.forward(session, batch, *own);
}

std::vector<Model::Component> CausalLm::components() const { return decoder_components(decoder_.spec()); }

std::vector<Model::StateLayer> CausalLm::state_layers() const {
  std::vector<StateLayer> layers;
  for (const nn::KvLayer& layer : nn::kv_layers(decoder_.spec())) layers.push_back({layer.key, layer.window});
  return layers;
}

}  // namespace firstlight::model
