// Checked reading of shared fields.
#include "firstlight/model/decoder_config.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "firstlight/base/error.h"
#include "firstlight/model/activations.h"
#include "firstlight/nn/rope_frequencies.h"

namespace firstlight::model {
namespace {

constexpr std::int64_t kLargestSize = std::int64_t{1} << 24;
constexpr std::int64_t kMostLayers = 4096;

std::int64_t read_kv_heads(const io::Config& config, const DecoderDefaults& defaults, std::int64_t heads) {
  if (config.has("num_key_value_heads")) return read_size(config, "num_key_value_heads");
  return config.is_null("num_key_value_heads") ? heads : defaults.kv_heads.value_or(heads);
}

nn::AttentionSpec read_attention(const io::Config& config, const DecoderDefaults& defaults, std::int64_t hidden_size) {
  nn::AttentionSpec attention;
  attention.heads = read_size(config, "num_attention_heads");
  attention.kv_heads = read_kv_heads(config, defaults, attention.heads);
  if (attention.heads % attention.kv_heads != 0) {
    fail(Category::kBadInput, config.where("num_key_value_heads"),
         "expected a divisor of num_attention_heads {}, found {}", attention.heads, attention.kv_heads);
  }
  if (config.has("head_dim")) {
    attention.head_dim = read_size(config, "head_dim");
  } else if (defaults.head_dim && !config.is_null("head_dim")) {
    attention.head_dim = *defaults.head_dim;
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

nn::RopeSpec read_rope(const io::Config& config, const DecoderDefaults& defaults, std::int64_t head_dim) {
  nn::RopeSpec rope{
      .config = io::parse_rope_config(config, defaults.rope), .head_dim = head_dim, .where = config.file()};
  if (!defaults.partial_rotary && rope.config.partial_rotary_factor != 1) {
    fail(Category::kUnsupported, config.where("partial_rotary_factor"),
         "{} is not supported: this architecture rotates whole heads", rope.config.partial_rotary_factor);
  }
  // Says now what is wrong with the rotation, if something is.
  nn::rope_frequencies(rope.config, head_dim, 0, config.file());
  return rope;
}

}  // namespace

std::int64_t read_size(const io::Config& config, std::string_view name) {
  const std::int64_t size = config.positive(name);
  if (size > kLargestSize) fail(Category::kUnsupported, config.where(name), "{} is more than {}", size, kLargestSize);
  return size;
}

void read_layers(const io::Config& config, std::string_view name, nn::DecoderSpec& spec) {
  const std::int64_t layers = config.positive(name);
  if (layers > kMostLayers) fail(Category::kUnsupported, config.where(name), "{} is more than {}", layers, kMostLayers);
  spec.layers.resize(static_cast<std::size_t>(layers));
}

nn::DecoderSpec read_decoder(const io::Config& config, const DecoderDefaults& defaults) {
  config.ignore_bookkeeping();
  nn::DecoderSpec spec;
  spec.vocab_size = read_size(config, "vocab_size");
  spec.hidden_size = read_size(config, "hidden_size");
  spec.tied_head = config.boolean_or("tie_word_embeddings", defaults.tied_embeddings);
  spec.norm.eps = static_cast<float>(config.positive_number_or(defaults.norm_eps_field, defaults.norm_eps));
  spec.attention = read_attention(config, defaults, spec.hidden_size);
  spec.mlp.intermediate_size = read_size(config, "intermediate_size");
  spec.mlp.activation = read_activation(config, "hidden_act", defaults.activation);
  read_layers(config, "num_hidden_layers", spec);
  spec.ropes.push_back(read_rope(config, defaults, spec.attention.head_dim));
  return spec;
}

std::optional<std::int64_t> read_window(const io::Config& config, std::optional<std::int64_t> otherwise) {
  if (config.has("sliding_window")) return config.positive("sliding_window");
  return config.is_null("sliding_window") ? std::nullopt : otherwise;
}

void slide_all(std::optional<std::int64_t> window, nn::DecoderSpec& spec) {
  for (nn::LayerSpec& layer : spec.layers) layer.window = window.value_or(0);
}

void slide_some(const io::Config& config, std::optional<std::int64_t> window, std::size_t first,
                nn::DecoderSpec& spec) {
  constexpr std::string_view kSliding = "sliding_attention";
  constexpr std::string_view kFull = "full_attention";
  if (!config.has("layer_types")) {
    for (std::size_t i = first; window && i < spec.layers.size(); ++i) spec.layers[i].window = *window;
    return;
  }
  const std::vector<std::string> types = config.strings("layer_types");
  if (types.size() != spec.layers.size()) {
    fail(Category::kBadInput, config.where("layer_types"), "expected one for each of {} layers, found {}",
         spec.layers.size(), types.size());
  }
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i] != kSliding && types[i] != kFull) {
      fail(Category::kUnsupported, config.where("layer_types"), "'{}' is not supported; known: {}, {}", types[i], kFull,
           kSliding);
    }
    if (types[i] == kFull) continue;
    if (!window) fail(Category::kBadInput, config.where("layer_types"), "layer {} slides over no sliding_window", i);
    spec.layers[i].window = *window;
  }
}

void slide_upper_layers(const io::Config& config, nn::DecoderSpec& spec) {
  constexpr std::int64_t kWindow = 4096;  // where the file is silent, as is the number of layers below
  constexpr std::int64_t kLayersBelow = 28;
  const bool slides = config.boolean_or("use_sliding_window", false);
  const std::optional<std::int64_t> window = read_window(config, kWindow);
  const std::int64_t below = config.integer_or("max_window_layers", kLayersBelow);
  if (below < 0) fail(Category::kBadInput, config.where("max_window_layers"), "expected 0 or more, found {}", below);
  slide_some(config, slides ? window : std::nullopt, static_cast<std::size_t>(below), spec);
}

void refuse_switches(const io::Config& config, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (config.boolean_or(name, false)) fail(Category::kUnsupported, config.where(name), "true; known: false");
  }
}

}  // namespace firstlight::model
