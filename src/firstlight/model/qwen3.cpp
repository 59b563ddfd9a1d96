// Qwen3ForCausalLM. Differs from Qwen2 in: norms over each head of queries and keys, a head_dim of its own, biases only
// where `attention_bias` says so (and then of the output too). Source of the fields: configuration_qwen3.py and
// modeling_qwen3.py, transformers 5.23.
#include "firstlight/model/causal_lm.h"
#include "firstlight/model/decoder_config.h"
#include "firstlight/model/rows.h"

namespace firstlight::model {
namespace qwen3 {

constexpr std::string_view kArchitecture = "Qwen3ForCausalLM";

std::unique_ptr<Model> make(const io::Config& config) {
  nn::DecoderSpec spec = read_decoder(config, {.kv_heads = 32, .head_dim = 128});
  nn::AttentionSpec& attention = spec.attention;
  attention.q.bias = attention.k.bias = attention.v.bias = attention.o.bias =
      config.boolean_or("attention_bias", false);
  attention.head_norm = spec.norm;
  slide_upper_layers(config, spec);
  return std::make_unique<CausalLm>(config, kArchitecture, std::move(spec));
}

constexpr std::string_view kTiny = R"({
  "model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"],
  "vocab_size": 97, "hidden_size": 40, "intermediate_size": 52, "num_hidden_layers": 2, "num_attention_heads": 4,
  "num_key_value_heads": 2, "head_dim": 18, "hidden_act": "silu", "rms_norm_eps": 1e-6, "max_position_embeddings": 128,
  "attention_bias": false, "use_sliding_window": false, "sliding_window": null, "max_window_layers": 2,
  "rope_theta": 1000000, "rope_scaling": null, "tie_word_embeddings": true
})";

}  // namespace qwen3

ModelRow qwen3_row() { return {"qwen3", qwen3::kArchitecture, "Qwen3, dense", qwen3::make, qwen3::kTiny}; }

}  // namespace firstlight::model
