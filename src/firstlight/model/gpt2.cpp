// GPT2LMHeadModel: learned positions, LayerNorm, a plain MLP, biases, weights stored [inputs, outputs]. Source of the
// fields: configuration_gpt2.py and modeling_gpt2.py, transformers 5.23.
#include "firstlight/model/causal_lm.h"
#include "firstlight/model/decoder_config.h"
#include "firstlight/model/learned_decoder.h"
#include "firstlight/model/rows.h"

namespace firstlight::model {
namespace gpt2 {

constexpr std::string_view kArchitecture = "GPT2LMHeadModel";

std::unique_ptr<Model> make(const io::Config& config) {
  nn::DecoderSpec spec = read_learned_decoder(config, "gelu_new");
  refuse_switches(config, {"add_cross_attention"});
  for (nn::Projection* projection : {&spec.attention.qkv, &spec.attention.o, &spec.mlp.up, &spec.mlp.down}) {
    projection->transposed = true;
  }
  if (config.boolean_or("scale_attn_by_inverse_layer_idx", false)) {
    for (std::size_t i = 0; i < spec.layers.size(); ++i) spec.layers[i].score_scale = 1 / static_cast<float>(i + 1);
  }
  config.ignore("reorder_and_upcast_attn", "the same sums, scaled and rounded elsewhere");
  return std::make_unique<CausalLm>(config, kArchitecture, std::move(spec), stored_masks());
}

constexpr std::string_view kTiny = R"({
  "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"],
  "vocab_size": 97, "n_embd": 42, "n_inner": null, "n_layer": 2, "n_head": 3, "n_positions": 128,
  "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "scale_attn_weights": true,
  "scale_attn_by_inverse_layer_idx": true, "reorder_and_upcast_attn": false, "tie_word_embeddings": true
})";

}  // namespace gpt2

ModelRow gpt2_row() {
  return {"gpt2", gpt2::kArchitecture, "GPT-2 and what follows its layout", gpt2::make, gpt2::kTiny};
}

}  // namespace firstlight::model
