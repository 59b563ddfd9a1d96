// LlamaForCausalLM: RMSNorm before attention and before a gated MLP, rotary positions, grouped-query attention. The
// plain decoder that others differ from. Source of the fields: configuration_llama.py and modeling_llama.py,
// transformers 5.23.
#include "firstlight/base/error.h"
#include "firstlight/model/causal_lm.h"
#include "firstlight/model/decoder_config.h"
#include "firstlight/model/rows.h"

namespace firstlight::model {
namespace llama {

constexpr std::string_view kArchitecture = "LlamaForCausalLM";

std::unique_ptr<Model> make(const io::Config& config) {
  nn::DecoderSpec spec = read_decoder(config, {});
  nn::AttentionSpec& attention = spec.attention;
  attention.q.bias = attention.k.bias = attention.v.bias = attention.o.bias =
      config.boolean_or("attention_bias", false);
  spec.mlp.gate.bias = spec.mlp.up.bias = spec.mlp.down.bias = config.boolean_or("mlp_bias", false);
  refuse_switches(config, {"rope_interleaved"});
  config.ignore("is_llama_config", "of some exports; the reference implementation does not read it");
  config.ignore("max_sequence_length", "what early exports called max_position_embeddings");
  config.ignore("pretraining_tp", "how products were split in training; the reference implementation reads it no more");
  return std::make_unique<CausalLm>(
      config, kArchitecture, std::move(spec),
      std::vector<IgnoredTensors>{{"model.layers.*.self_attn.rotary_emb.inv_freq",
                                   "a buffer of early exports; frequencies are computed from config.json"}});
}

constexpr std::string_view kTiny = R"({
  "model_type": "llama", "architectures": ["LlamaForCausalLM"],
  "vocab_size": 97, "hidden_size": 40, "intermediate_size": 52, "num_hidden_layers": 2, "num_attention_heads": 4,
  "num_key_value_heads": 2, "head_dim": 12, "hidden_act": "silu", "rms_norm_eps": 1e-5, "max_position_embeddings": 128,
  "attention_bias": true, "mlp_bias": true, "tie_word_embeddings": true,
  "rope_theta": 10000.0,
  "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                   "original_max_position_embeddings": 32}
})";

}  // namespace llama

ModelRow llama_row() {
  return {"llama", llama::kArchitecture, "Llama 1 to 3 and what follows their layout", llama::make, llama::kTiny};
}

}  // namespace firstlight::model
