// PhiForCausalLM. Differs from Llama in: attention and MLP read one LayerNorm and are added together, a plain MLP,
// biases everywhere (of the head too), a share of each head is rotated, optional LayerNorms over queries and keys.
// Source of the fields: configuration_phi.py and modeling_phi.py, transformers 5.23.
#include "firstlight/model/causal_lm.h"
#include "firstlight/model/decoder_config.h"
#include "firstlight/model/rows.h"

namespace firstlight::model {
namespace phi {

constexpr std::string_view kArchitecture = "PhiForCausalLM";

std::unique_ptr<Model> make(const io::Config& config) {
  nn::DecoderSpec spec = read_decoder(config, {.norm_eps_field = "layer_norm_eps",
                                               .norm_eps = 1e-5,
                                               .activation = "gelu_new",
                                               .partial_rotary = true,
                                               .rope = {.partial_rotary_factor = 0.5}});
  spec.residual = nn::ResidualKind::kParallel;
  spec.final_norm = "final_layernorm";
  spec.norm.kind = nn::NormKind::kLayer;
  spec.norm.bias = true;
  spec.head.bias = true;
  nn::AttentionSpec& attention = spec.attention;
  attention.q.bias = attention.k.bias = attention.v.bias = true;
  attention.o = {.name = "dense", .bias = true};
  if (config.boolean_or("qk_layernorm", false)) {
    attention.head_norm = spec.norm;
    attention.q_norm = "q_layernorm";
    attention.k_norm = "k_layernorm";
  }
  spec.mlp.kind = nn::MlpKind::kPlain;
  spec.mlp.up = {.name = "fc1", .bias = true};
  spec.mlp.down = {.name = "fc2", .bias = true};
  return std::make_unique<CausalLm>(config, kArchitecture, std::move(spec));
}

constexpr std::string_view kTiny = R"({
  "model_type": "phi", "architectures": ["PhiForCausalLM"],
  "vocab_size": 97, "hidden_size": 60, "intermediate_size": 52, "num_hidden_layers": 2, "num_attention_heads": 3,
  "num_key_value_heads": null, "hidden_act": "gelu_new", "layer_norm_eps": 1e-5, "max_position_embeddings": 128,
  "qk_layernorm": true, "partial_rotary_factor": 0.4, "rope_theta": 10000.0, "rope_scaling": null,
  "tie_word_embeddings": false
})";

}  // namespace phi

ModelRow phi_row() { return {"phi", phi::kArchitecture, "Phi-1, Phi-1.5 and Phi-2", phi::make, phi::kTiny}; }

}  // namespace firstlight::model
