// Phi3ForCausalLM. Differs from Llama in: query, key and value in one product, gate and up in one product, no biases,
// LongRoPE with short and long factors, partial rotation, a sliding window. Source of the fields: configuration_phi3.py
// and modeling_phi3.py, transformers 5.23.
#include "firstlight/base/error.h"
#include "firstlight/model/causal_lm.h"
#include "firstlight/model/decoder_config.h"
#include "firstlight/model/rows.h"

namespace firstlight::model {
namespace phi3 {

constexpr std::string_view kArchitecture = "Phi3ForCausalLM";

std::unique_ptr<Model> make(const io::Config& config) {
  nn::DecoderSpec spec =
      read_decoder(config, {.norm_eps = 1e-5, .partial_rotary = true, .rope = {.original_max_position = 4096}});
  const io::RopeConfig& rope = spec.ropes[0].config;
  if (rope.type != io::RopeType::kDefault && rope.type != io::RopeType::kLongRope) {
    fail(Category::kUnsupported, config.where("rope_scaling"),
         "rotary type '{}' is not one of this architecture: {}, {}", io::rope_type_name(rope.type),
         io::rope_type_name(io::RopeType::kDefault), io::rope_type_name(io::RopeType::kLongRope));
  }
  spec.attention.kind = nn::QkvKind::kFused;
  spec.mlp.kind = nn::MlpKind::kGatedFused;
  refuse_switches(config, {"attention_bias", "mlp_bias", "lm_head_bias"});
  // Published files have them at 1; the reference implementation reads neither.
  for (const std::string_view field : {"full_attn_mod", "interpolate_factor"}) {
    if (config.integer_or(field, 1) != 1) fail(Category::kUnsupported, config.where(field), "not 1; known: 1");
  }
  slide_all(read_window(config, std::nullopt), spec);
  return std::make_unique<CausalLm>(config, kArchitecture, std::move(spec));
}

constexpr std::string_view kTiny = R"({
  "model_type": "phi3", "architectures": ["Phi3ForCausalLM"],
  "vocab_size": 97, "hidden_size": 48, "intermediate_size": 52, "num_hidden_layers": 2, "num_attention_heads": 3,
  "num_key_value_heads": 1, "hidden_act": "silu", "rms_norm_eps": 1e-5, "max_position_embeddings": 128,
  "original_max_position_embeddings": 32, "sliding_window": 40, "tie_word_embeddings": false,
  "rope_theta": 10000.0, "partial_rotary_factor": 0.75,
  "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.1, 1.2, 1.3, 1.4, 1.5],
                   "long_factor": [1.0, 1.5, 2.2, 3.4, 5.0, 8.0]}
})";

}  // namespace phi3

ModelRow phi3_row() {
  return {"phi3", phi3::kArchitecture, "Phi-3, Phi-3.5 and Phi-4 text models", phi3::make, phi3::kTiny};
}

}  // namespace firstlight::model
