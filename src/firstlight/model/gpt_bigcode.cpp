// GPTBigCodeForCausalLM. Differs from GPT-2 in: one KV head for all query heads, or (with `multi_query` off) query, key
// and value stored head by head; weights stored [outputs, inputs]. Source of the fields: configuration_gpt_bigcode.py
// and modeling_gpt_bigcode.py, transformers 5.23.
#include "firstlight/base/error.h"
#include "firstlight/model/causal_lm.h"
#include "firstlight/model/decoder_config.h"
#include "firstlight/model/learned_decoder.h"
#include "firstlight/model/rows.h"

namespace firstlight::model {
namespace gpt_bigcode {

constexpr std::string_view kArchitecture = "GPTBigCodeForCausalLM";
constexpr std::int64_t kMostHeads = 1 << 16;  // in all layers, where each head is three parts of a weight

std::unique_ptr<Model> make(const io::Config& config) {
  nn::DecoderSpec spec = read_learned_decoder(config, "gelu_pytorch_tanh");
  refuse_switches(config, {"add_cross_attention"});
  if (config.boolean_or("multi_query", true)) {
    spec.attention.kv_heads = 1;
  } else {
    const auto layers = static_cast<std::int64_t>(spec.layers.size());
    if (spec.attention.heads > kMostHeads / layers) {
      fail(Category::kUnsupported, config.where("n_head"), "{} in each of {} layers; at most {} in all",
           spec.attention.heads, layers, kMostHeads);
    }
    spec.attention.kind = nn::QkvKind::kFusedByHead;
  }
  for (const std::string_view field : {"attention_softmax_in_fp32", "scale_attention_softmax_in_fp32"}) {
    config.ignore(field, "where the reference implementation rounds; sums are exact to f32 here");
  }
  for (const std::string_view field :
       {"inference_runner", "validate_runner_input", "pre_allocate_kv_cache", "pad_key_length", "max_sequence_length",
        "max_batch_size", "runner_max_sequence_length"}) {
    config.ignore(field, "chose how an early implementation ran, not what it computes");
  }
  config.ignore("end_token_id", "special tokens are the tokenizer's and generation_config.json's");
  config.ignore("num_key_value_heads", "follows from multi_query");
  return std::make_unique<CausalLm>(config, kArchitecture, std::move(spec), stored_masks());
}

constexpr std::string_view kTiny = R"({
  "model_type": "gpt_bigcode", "architectures": ["GPTBigCodeForCausalLM"],
  "vocab_size": 97, "n_embd": 42, "n_inner": 52, "n_layer": 2, "n_head": 3, "n_positions": 128,
  "activation_function": "gelu_pytorch_tanh", "layer_norm_epsilon": 1e-5, "scale_attn_weights": true,
  "multi_query": false, "tie_word_embeddings": true
})";

}  // namespace gpt_bigcode

ModelRow gpt_bigcode_row() {
  return {"gpt_bigcode", gpt_bigcode::kArchitecture, "StarCoder", gpt_bigcode::make, gpt_bigcode::kTiny};
}

}  // namespace firstlight::model
