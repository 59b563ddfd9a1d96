// Reading of the family's fields. Source: configuration_gpt2.py and configuration_gpt_bigcode.py, transformers 5.23.
#include "firstlight/model/learned_decoder.h"

#include <cmath>

#include "firstlight/base/error.h"
#include "firstlight/model/activations.h"
#include "firstlight/model/decoder_config.h"

namespace firstlight::model {

nn::DecoderSpec read_learned_decoder(const io::Config& config, std::string_view default_activation) {
  config.ignore_bookkeeping();
  nn::DecoderSpec spec;
  spec.prefix = "transformer.";
  spec.embedding = "wte";
  spec.layer_prefix = "h.";
  spec.first_norm = "ln_1";
  spec.second_norm = "ln_2";
  spec.final_norm = "ln_f";

  spec.vocab_size = read_size(config, "vocab_size");
  spec.hidden_size = read_size(config, "n_embd");
  read_layers(config, "n_layer", spec);
  for (nn::LayerSpec& layer : spec.layers) layer.rope = -1;
  spec.positions = nn::LearnedPositions{.name = "wpe", .count = read_size(config, "n_positions")};
  spec.tied_head = config.boolean_or("tie_word_embeddings", true);
  spec.norm = {.kind = nn::NormKind::kLayer,
               .eps = static_cast<float>(config.positive_number_or("layer_norm_epsilon", 1e-5)),
               .bias = true};

  nn::AttentionSpec& attention = spec.attention;
  attention.name = "attn";
  attention.kind = nn::QkvKind::kFused;
  attention.heads = attention.kv_heads = read_size(config, "n_head");
  if (spec.hidden_size % attention.heads != 0) {
    fail(Category::kBadInput, config.where("n_embd"), "expected a multiple of n_head {}, found {}", attention.heads,
         spec.hidden_size);
  }
  attention.head_dim = spec.hidden_size / attention.heads;
  if (config.boolean_or("scale_attn_weights", true)) {
    attention.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(attention.head_dim)));
  }
  attention.qkv = {.name = "c_attn", .bias = true};
  attention.o = {.name = "c_proj", .bias = true};

  spec.mlp.kind = nn::MlpKind::kPlain;
  spec.mlp.up = {.name = "c_fc", .bias = true};
  spec.mlp.down = {.name = "c_proj", .bias = true};
  spec.mlp.intermediate_size = config.has("n_inner") ? read_size(config, "n_inner") : 4 * spec.hidden_size;
  spec.mlp.activation = read_activation(config, "activation_function", default_activation);

  config.ignore("n_inner", "4 n_embd where it is null");
  config.ignore("n_ctx", "what old exports called n_positions");
  config.ignore("predict_special_tokens", "of an older model whose fields early exports copied");
  if (const std::int64_t more = config.integer_or("n_special", 0); more != 0)
    fail(Category::kUnsupported, config.where("n_special"), "{} rows of the embedding apart; known: 0", more);
  for (const std::string_view field :
       {"summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels", "summary_first_dropout"}) {
    config.ignore(field, "of another head than the language model's");
  }
  return spec;
}

std::vector<IgnoredTensors> stored_masks() {
  constexpr const char* kMask = "the causal mask of old exports; it follows from positions";
  return {
      {"transformer.h.*.attn.bias", kMask}, {"transformer.h.*.attn.masked_bias", kMask}, {"transformer.bias", kMask}};
}

}  // namespace firstlight::model
