// MinistralForCausalLM. Differs from Mistral in: `layer_types` says which layers slide. Source of the fields:
// configuration_ministral.py and modeling_ministral.py, transformers 5.23.
#include "firstlight/model/causal_lm.h"
#include "firstlight/model/decoder_config.h"
#include "firstlight/model/rows.h"

namespace firstlight::model {
namespace ministral {

constexpr std::string_view kArchitecture = "MinistralForCausalLM";

std::unique_ptr<Model> make(const io::Config& config) {
  nn::DecoderSpec spec = read_decoder(config, {.kv_heads = 8});
  refuse_switches(config, {"attention_bias", "mlp_bias"});
  slide_some(config, read_window(config, 4096), 0, spec);
  return std::make_unique<CausalLm>(config, kArchitecture, std::move(spec));
}

constexpr std::string_view kTiny = R"({
  "model_type": "ministral", "architectures": ["MinistralForCausalLM"],
  "vocab_size": 97, "hidden_size": 42, "intermediate_size": 52, "num_hidden_layers": 3, "num_attention_heads": 3,
  "num_key_value_heads": 1, "head_dim": 14, "hidden_act": "silu", "rms_norm_eps": 1e-5, "max_position_embeddings": 128,
  "sliding_window": 9, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
  "rope_theta": 1000000.0, "rope_scaling": null, "tie_word_embeddings": false
})";

}  // namespace ministral

ModelRow ministral_row() {
  return {"ministral", ministral::kArchitecture, "Ministral, whose layers slide by layer_types", ministral::make,
          ministral::kTiny};
}

}  // namespace firstlight::model
