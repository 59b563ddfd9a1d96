// The fields of config.json that decoder-only families share, read into a DecoderSpec.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "firstlight/io/config.h"
#include "firstlight/io/rope_config.h"
#include "firstlight/nn/decoder_spec.h"

namespace firstlight::model {

// What a family's own config class assumes where the file is silent, and how it names things.
struct DecoderDefaults {
  std::string_view norm_eps_field = "rms_norm_eps";
  double norm_eps = 1e-6;
  std::string_view activation = "silu";
  // Where num_key_value_heads is absent. Null there, and no value here: as many as heads.
  std::optional<std::int64_t> kv_heads = std::nullopt;
  // Where head_dim is absent; no value: hidden_size / num_attention_heads.
  std::optional<std::int64_t> head_dim = std::nullopt;
  bool tied_embeddings = false;
  bool partial_rotary = false;  // whether a share of each head may be rotated
  io::RopeDefaults rope = {};
};

// Sizes, heads, activation, norms, tied embeddings, rotation; every layer alike. Marks bookkeeping fields as known.
// Throws kBadInput or kUnsupported naming the field.
nn::DecoderSpec read_decoder(const io::Config& config, const DecoderDefaults& defaults);

// A size of the model: at least 1, and small enough that products of two cannot overflow.
std::int64_t read_size(const io::Config& config, std::string_view name);
// The number of layers, which become alike.
void read_layers(const io::Config& config, std::string_view name, nn::DecoderSpec& spec);

// `sliding_window`: positions, none where it is null; `otherwise` where it is absent.
std::optional<std::int64_t> read_window(const io::Config& config, std::optional<std::int64_t> otherwise);
// Gives the window to every layer; to none without a value.
void slide_all(std::optional<std::int64_t> window, nn::DecoderSpec& spec);
// Gives the window to the layers that `layer_types` says, or without that field to those from `first` on.
void slide_some(const io::Config& config, std::optional<std::int64_t> window, std::size_t first, nn::DecoderSpec& spec);
// The same as `use_sliding_window` switches it: from `max_window_layers` on where there is no `layer_types`.
void slide_upper_layers(const io::Config& config, nn::DecoderSpec& spec);

// Switches that relatives of the family have: off is known, on is refused by name.
void refuse_switches(const io::Config& config, std::initializer_list<std::string_view> names);

}  // namespace firstlight::model
