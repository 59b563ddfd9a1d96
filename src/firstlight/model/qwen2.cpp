// Qwen2ForCausalLM. Differs from Llama in: biases of query, key and value alone; the upper layers slide, or those that
// `layer_types` says, when `use_sliding_window` is on. Source of the fields: configuration_qwen2.py and
// modeling_qwen2.py, transformers 5.23.
#include "firstlight/model/causal_lm.h"
#include "firstlight/model/decoder_config.h"
#include "firstlight/model/rows.h"

namespace firstlight::model {
namespace qwen2 {

constexpr std::string_view kArchitecture = "Qwen2ForCausalLM";

std::unique_ptr<Model> make(const io::Config& config) {
  nn::DecoderSpec spec = read_decoder(config, {.kv_heads = 32});
  refuse_switches(config, {"use_mrope"});
  spec.attention.q.bias = spec.attention.k.bias = spec.attention.v.bias = true;
  slide_upper_layers(config, spec);
  return std::make_unique<CausalLm>(config, kArchitecture, std::move(spec));
}

constexpr std::string_view kTiny = R"({
  "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"],
  "vocab_size": 97, "hidden_size": 40, "intermediate_size": 52, "num_hidden_layers": 3, "num_attention_heads": 4,
  "num_key_value_heads": 2, "hidden_act": "silu", "rms_norm_eps": 1e-6, "max_position_embeddings": 128,
  "use_sliding_window": true, "sliding_window": 9, "max_window_layers": 1, "rope_theta": 1000000.0,
  "rope_scaling": null, "tie_word_embeddings": true
})";

}  // namespace qwen2

ModelRow qwen2_row() {
  return {"qwen2", qwen2::kArchitecture, "Qwen1.5, Qwen2, Qwen2.5 and QwQ", qwen2::make, qwen2::kTiny};
}

}  // namespace firstlight::model
