// Checked reading of shared fields.
#include "firstlight/model/decoder_config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "firstlight/base/error.h"
#include "firstlight/nn/rope_frequencies.h"

namespace firstlight::model {
namespace {

constexpr std::int64_t kLargestSize = std::int64_t{1} << 24;
constexpr std::int64_t kMostLayers = 4096;

// Names of ACT2FN (activations.py of transformers) whose formulas are kinds of ours.
constexpr std::pair<std::string_view, op::UnaryKind> kActivations[] = {
    {"silu", op::UnaryKind::kSilu},
    {"swish", op::UnaryKind::kSilu},
    {"gelu", op::UnaryKind::kGelu},
    {"gelu_python", op::UnaryKind::kGelu},
    {"gelu_pytorch_tanh", op::UnaryKind::kGeluTanh},
    {"gelu_new", op::UnaryKind::kGeluTanh},
    {"gelu_fast", op::UnaryKind::kGeluTanh},
    {"quick_gelu", op::UnaryKind::kQuickGelu},
    {"relu", op::UnaryKind::kRelu},
    {"tanh", op::UnaryKind::kTanh},
    {"sigmoid", op::UnaryKind::kSigmoid},
};

op::UnaryKind read_activation(const io::Config& config, std::string_view field, std::string_view otherwise) {
  const std::string name = config.string_or(field, otherwise);
  const auto* found = std::ranges::find_if(kActivations, [&](const auto& entry) { return entry.first == name; });
  if (found != std::end(kActivations)) return found->second;
  std::vector<std::string_view> known;
  for (const auto& [known_name, kind] : kActivations) known.push_back(known_name);
  fail(Category::kUnsupported, config.where(field), "activation '{}' is not supported; known: {}", name,
       fmt::join(known, ", "));
}

nn::AttentionSpec read_attention(const io::Config& config, std::int64_t hidden_size) {
  nn::AttentionSpec attention;
  attention.heads = read_size(config, "num_attention_heads");
  attention.kv_heads = config.has("num_key_value_heads") ? read_size(config, "num_key_value_heads") : attention.heads;
  if (attention.heads % attention.kv_heads != 0) {
    fail(Category::kBadInput, config.where("num_key_value_heads"),
         "expected a divisor of num_attention_heads {}, found {}", attention.heads, attention.kv_heads);
  }
  if (config.has("head_dim")) {
    attention.head_dim = read_size(config, "head_dim");
  } else if (hidden_size % attention.heads == 0) {
    attention.head_dim = hidden_size / attention.heads;
  } else {
    fail(Category::kBadInput, config.where("hidden_size"),
         "expected a multiple of num_attention_heads {} where head_dim is absent, found {}", attention.heads,
         hidden_size);
  }
  attention.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(attention.head_dim)));
  return attention;
}

}  // namespace

std::int64_t read_size(const io::Config& config, std::string_view name) {
  const std::int64_t size = config.positive(name);
  if (size > kLargestSize) fail(Category::kUnsupported, config.where(name), "{} is more than {}", size, kLargestSize);
  return size;
}

nn::DecoderSpec read_decoder(const io::Config& config, const DecoderDefaults& defaults) {
  config.ignore_bookkeeping();
  nn::DecoderSpec spec;
  spec.vocab_size = read_size(config, "vocab_size");
  spec.hidden_size = read_size(config, "hidden_size");
  spec.tied_head = config.boolean_or("tie_word_embeddings", false);
  spec.norm.eps = static_cast<float>(config.positive_number_or("rms_norm_eps", defaults.rms_norm_eps));
  spec.attention = read_attention(config, spec.hidden_size);
  spec.mlp.intermediate_size = read_size(config, "intermediate_size");
  spec.mlp.activation = read_activation(config, "hidden_act", "silu");

  const std::int64_t layers = config.positive("num_hidden_layers");
  if (layers > kMostLayers) {
    fail(Category::kUnsupported, config.where("num_hidden_layers"), "{} is more than {}", layers, kMostLayers);
  }
  spec.layers.resize(static_cast<std::size_t>(layers));
  spec.ropes.push_back({.config = io::parse_rope_config(config, defaults.rope),
                        .head_dim = spec.attention.head_dim,
                        .where = config.file()});
  // Says now what is wrong with the rotation, if something is.
  nn::rope_frequencies(spec.ropes[0].config, spec.attention.head_dim, 0, config.file());
  return spec;
}

}  // namespace firstlight::model
