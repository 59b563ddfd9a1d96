// The bookkeeping table. Source of the names: configuration_utils.py of transformers 4.41 and 5.23.
#include "firstlight/io/bookkeeping.h"

#include <algorithm>

namespace firstlight::io {
namespace {

constexpr std::string_view kOrigin = "says where the file comes from";
constexpr std::string_view kTraining = "used in training only";
constexpr std::string_view kStored = "the type weights were stored in; the precision policy decides here";
constexpr std::string_view kRuntime = "chooses how the reference implementation runs, not what it computes";
constexpr std::string_view kOutputs = "chooses what the reference implementation returns";
constexpr std::string_view kTokens = "special tokens are the tokenizer's and generation_config.json's";
constexpr std::string_view kGeneration = "a generation default; generation_config.json holds those";
constexpr std::string_view kLabels = "labels of a classifier's outputs";
constexpr std::string_view kOff = "switched off";

constexpr BookkeepingField kFields[] = {
    {"_name_or_path", kOrigin},
    {"name_or_path", kOrigin},
    {"_commit_hash", kOrigin},
    {"transformers_version", kOrigin},
    {"_diffusers_version", kOrigin},
    {"transformers.js_config", kOrigin},
    {"auto_map", "names Python code beside the checkpoint, which is not run"},
    {"custom_pipelines", "names Python code beside the checkpoint, which is not run"},
    {"model_type", "the registry reads it"},
    {"architectures", "the registry reads it"},
    {"tokenizer_class", "the tokenizer's own files say it"},
    {"prefix", "a prompt prefix of old text-generation pipelines"},
    {"task_specific_params", "defaults of old pipelines"},
    {"tokenizer", "what an exporter called the tokenizer; the tokenizer's own files say it"},
    {"mask_value", "what an exporter's runtime adds to masked scores; masked positions have no weight here"},
    {"unsloth_fixed", kOrigin},
    {"unsloth_version", kOrigin},
    {"finetuning_task", kOrigin},
    {"problem_type", kTraining},

    {"torch_dtype", kStored},
    {"dtype", kStored},
    {"use_bfloat16", kStored},

    {"initializer_range", kTraining},
    {"initializer_factor", kTraining},
    {"gradient_checkpointing", kTraining},
    {"*_dropout", kTraining},
    {"*_pdrop", kTraining},
    {"*_dropout_prob", kTraining},
    {"dropout", kTraining},
    {"dropout_rate", kTraining},
    {"drop_path_rate", kTraining},

    {"use_cache", kRuntime},
    {"_attn_implementation", kRuntime},
    {"_attn_implementation_autoset", kRuntime},
    {"_attn_implementation_internal", kRuntime},
    {"attn_implementation", kRuntime},
    {"_experts_implementation", kRuntime},
    {"_experts_implementation_internal", kRuntime},
    {"experts_implementation", kRuntime},
    {"_flash_attn_2_enabled", kRuntime},
    {"torchscript", kRuntime},
    {"tf_legacy_loss", kTraining},
    {"chunk_size_feed_forward", kRuntime},
    {"cache_implementation", kRuntime},

    {"output_attentions", kOutputs},
    {"_output_attentions", kOutputs},
    {"output_hidden_states", kOutputs},
    {"output_past", kOutputs},
    {"output_scores", kOutputs},
    {"return_dict", kOutputs},
    {"use_return_dict", kOutputs},
    {"return_dict_in_generate", kOutputs},
    {"keys_to_ignore_at_inference", kOutputs},
    {"tie_last_hidden_states", kOutputs},

    {"bos_token_id", kTokens},
    {"eos_token_id", kTokens},
    {"pad_token_id", kTokens},
    {"sep_token_id", kTokens},
    {"unk_token_id", kTokens},
    {"cls_token_id", kTokens},
    {"mask_token_id", kTokens},
    {"decoder_start_token_id", kTokens},

    {"max_length", kGeneration},
    {"max_new_tokens", kGeneration},
    {"min_length", kGeneration},
    {"do_sample", kGeneration},
    {"early_stopping", kGeneration},
    {"num_beams", kGeneration},
    {"num_beam_groups", kGeneration},
    {"diversity_penalty", kGeneration},
    {"temperature", kGeneration},
    {"top_k", kGeneration},
    {"top_p", kGeneration},
    {"typical_p", kGeneration},
    {"repetition_penalty", kGeneration},
    {"length_penalty", kGeneration},
    {"no_repeat_ngram_size", kGeneration},
    {"encoder_no_repeat_ngram_size", kGeneration},
    {"bad_words_ids", kGeneration},
    {"num_return_sequences", kGeneration},
    {"forced_bos_token_id", kGeneration},
    {"forced_eos_token_id", kGeneration},
    {"remove_invalid_values", kGeneration},
    {"exponential_decay_length_penalty", kGeneration},
    {"suppress_tokens", kGeneration},
    {"begin_suppress_tokens", kGeneration},

    {"id2label", kLabels},
    {"label2id", kLabels},
    {"_num_labels", kLabels},
    {"num_labels", kLabels},

    {"is_encoder_decoder", kOff, true},
    {"is_decoder", kOff, true},
    {"add_cross_attention", kOff, true},
    {"cross_attention_hidden_size", kOff, true},
    {"tie_encoder_decoder", kOff, true},
    {"pruned_heads", kOff, true},
    {"per_layer_config", kOff, true},
    {"quantization_config", kOff, true},
};

bool matches(std::string_view pattern, std::string_view name) {
  if (!pattern.starts_with('*')) return pattern == name;
  return name.ends_with(pattern.substr(1));
}

}  // namespace

std::span<const BookkeepingField> ignored_bookkeeping_fields() { return kFields; }

const BookkeepingField* find_bookkeeping_field(std::string_view name) {
  const auto* found = std::ranges::find_if(kFields, [&](const auto& field) { return matches(field.name, name); });
  return found == std::end(kFields) ? nullptr : found;
}

}  // namespace firstlight::io
