// Starcoder2ForCausalLM. Differs from Mistral in: LayerNorm, a plain MLP, biases by one switch. Source of the fields:
// configuration_starcoder2.py and modeling_starcoder2.py, transformers 5.23.
#include "firstlight/model/causal_lm.h"
#include "firstlight/model/decoder_config.h"
#include "firstlight/model/rows.h"

namespace firstlight::model {
namespace starcoder2 {

constexpr std::string_view kArchitecture = "Starcoder2ForCausalLM";

std::unique_ptr<Model> make(const io::Config& config) {
  nn::DecoderSpec spec = read_decoder(config, {.norm_eps_field = "norm_epsilon",
                                               .norm_eps = 1e-5,
                                               .activation = "gelu_pytorch_tanh",
                                               .kv_heads = 2,
                                               .tied_embeddings = true});
  slide_all(read_window(config, std::nullopt), spec);
  spec.norm.kind = nn::NormKind::kLayer;
  spec.norm.bias = true;
  const bool bias = config.boolean_or("use_bias", true);
  nn::AttentionSpec& attention = spec.attention;
  attention.q.bias = attention.k.bias = attention.v.bias = attention.o.bias = bias;
  spec.mlp.kind = nn::MlpKind::kPlain;
  spec.mlp.up = {.name = "c_fc", .bias = bias};
  spec.mlp.down = {.name = "c_proj", .bias = bias};
  config.choice_or("mlp_type", {"default"}, "default");
  config.choice_or("norm_type", {"layer_norm"}, "layer_norm");
  for (const std::string_view field :
       {"layer_norm_epsilon", "attention_softmax_in_fp32", "scale_attention_softmax_in_fp32", "scale_attn_weights"}) {
    config.ignore(field, "of the published files; the reference implementation does not read it");
  }
  return std::make_unique<CausalLm>(config, kArchitecture, std::move(spec));
}

constexpr std::string_view kTiny = R"({
  "model_type": "starcoder2", "architectures": ["Starcoder2ForCausalLM"],
  "vocab_size": 97, "hidden_size": 48, "intermediate_size": 52, "num_hidden_layers": 2, "num_attention_heads": 4,
  "num_key_value_heads": 2, "hidden_act": "gelu_pytorch_tanh", "norm_epsilon": 1e-5, "max_position_embeddings": 128,
  "sliding_window": 13, "use_bias": true, "rope_theta": 999999.4420358813, "rope_scaling": null,
  "tie_word_embeddings": true
})";

}  // namespace starcoder2

ModelRow starcoder2_row() {
  return {"starcoder2", starcoder2::kArchitecture, "StarCoder2", starcoder2::make, starcoder2::kTiny};
}

}  // namespace firstlight::model
