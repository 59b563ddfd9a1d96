// MixtralForCausalLM. Differs from Mistral in: a mixture of experts in place of the MLP. Published checkpoints hold
// each expert's matrices apart (w1 gate, w3 up, w2 down); transformers 5 can also write all experts as one tensor.
// Source of the fields: configuration_mixtral.py, modeling_mixtral.py and conversion_mapping.py, transformers 5.23.
#include "firstlight/base/error.h"
#include "firstlight/model/causal_lm.h"
#include "firstlight/model/decoder_config.h"
#include "firstlight/model/rows.h"

namespace firstlight::model {
namespace mixtral {

constexpr std::string_view kArchitecture = "MixtralForCausalLM";
constexpr std::int64_t kMostExperts = 1 << 16;  // in all layers: a config file must not make us declare without end

std::unique_ptr<Model> make(const io::Config& config) {
  nn::DecoderSpec spec = read_decoder(config, {.norm_eps = 1e-5, .kv_heads = 8, .rope = {.theta = 1e6}});
  refuse_switches(config, {"attention_bias", "mlp_bias"});
  slide_all(read_window(config, std::nullopt), spec);

  nn::MoeSpec moe;
  moe.name = "block_sparse_moe";
  moe.other_name = "mlp";
  moe.experts = config.positive_or("num_local_experts", 8);
  const auto layers = static_cast<std::int64_t>(spec.layers.size());
  if (moe.experts > kMostExperts / layers) {
    fail(Category::kUnsupported, config.where("num_local_experts"), "{} in each of {} layers; at most {} in all",
         moe.experts, layers, kMostExperts);
  }
  const std::int64_t top = config.positive_or("num_experts_per_tok", 2);
  if (top > moe.experts) {
    fail(Category::kBadInput, config.where("num_experts_per_tok"), "expected at most num_local_experts {}, found {}",
         moe.experts, top);
  }
  moe.top = static_cast<std::int32_t>(top);
  moe.expert = spec.mlp;
  moe.expert.gate.name = "w1";
  moe.expert.up.name = "w3";
  moe.expert.down.name = "w2";
  spec.moe = std::move(moe);
  for (const std::string_view field : {"output_router_logits", "router_aux_loss_coef", "router_jitter_noise"}) {
    config.ignore(field, "used in training only");
  }
  return std::make_unique<CausalLm>(config, kArchitecture, std::move(spec));
}

constexpr std::string_view kTiny = R"({
  "model_type": "mixtral", "architectures": ["MixtralForCausalLM"],
  "vocab_size": 97, "hidden_size": 40, "intermediate_size": 36, "num_hidden_layers": 2, "num_attention_heads": 4,
  "num_key_value_heads": 2, "hidden_act": "silu", "rms_norm_eps": 1e-5, "max_position_embeddings": 128,
  "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": null, "rope_theta": 1000000.0,
  "tie_word_embeddings": false
})";

}  // namespace mixtral

ModelRow mixtral_row() {
  return {"mixtral", mixtral::kArchitecture, "Mixtral, a mixture of experts", mixtral::make, mixtral::kTiny};
}

}  // namespace firstlight::model
