// MistralForCausalLM. Differs from Llama in: a sliding window over all layers, no biases. Source of the fields:
// configuration_mistral.py and modeling_mistral.py, transformers 5.23.
#include "firstlight/model/causal_lm.h"
#include "firstlight/model/decoder_config.h"
#include "firstlight/model/rows.h"

namespace firstlight::model {
namespace mistral {

constexpr std::string_view kArchitecture = "MistralForCausalLM";

std::unique_ptr<Model> make(const io::Config& config) {
  nn::DecoderSpec spec = read_decoder(config, {.kv_heads = 8});
  refuse_switches(config, {"attention_bias", "mlp_bias"});
  slide_all(read_window(config, 4096), spec);
  return std::make_unique<CausalLm>(config, kArchitecture, std::move(spec));
}

constexpr std::string_view kTiny = R"({
  "model_type": "mistral", "architectures": ["MistralForCausalLM"],
  "vocab_size": 97, "hidden_size": 40, "intermediate_size": 52, "num_hidden_layers": 2, "num_attention_heads": 4,
  "num_key_value_heads": 2, "head_dim": 14, "hidden_act": "silu", "rms_norm_eps": 1e-5, "max_position_embeddings": 128,
  "sliding_window": 11, "rope_theta": 1000000.0, "rope_scaling": null, "tie_word_embeddings": false
})";

}  // namespace mistral

ModelRow mistral_row() {
  return {"mistral", mistral::kArchitecture, "Mistral 7B to Small, and the 8B published with one window", mistral::make,
          mistral::kTiny};
}

}  // namespace firstlight::model
