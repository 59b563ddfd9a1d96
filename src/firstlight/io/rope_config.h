// Rotary position settings of a config.json, in both spellings that exist; the frequencies are computed in nn.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace firstlight::io {

class Config;

enum class RopeType : std::uint8_t {
  kDefault,   // "default"
  kLinear,    // "linear": all frequencies divided by factor
  kDynamic,   // "dynamic": the base grows with the length beyond max_position
  kBanded,    // "llama3": low frequencies divided by factor, a smooth band, high ones kept
  kYarn,      // "yarn": a ramp between kept and divided frequencies, and an attention factor
  kLongRope,  // "longrope" (once "su"): one divisor per frequency, a short and a long set
};
std::string_view rope_type_name(RopeType type);

struct RopeConfig {
  RopeType type = RopeType::kDefault;
  double theta = 10000;
  double partial_rotary_factor = 1;  // the share of head_dim that is rotated: floor(head_dim * factor) elements
  double factor = 1;                 // how far the context was stretched; not used by kDefault
  std::int64_t max_position = 0;     // max_position_embeddings; 0 where the config has none and the type needs none
  // The context before stretching, for kBanded, kYarn and kLongRope; max_position for the others.
  std::int64_t original_max_position = 0;
  std::optional<double> attention_factor;  // kYarn, kLongRope; absent: that type's formula gives it
  double low_freq_factor = 1;              // kBanded
  double high_freq_factor = 1;
  double beta_fast = 32;  // kYarn
  double beta_slow = 1;
  std::optional<double> mscale;  // kYarn; they count only when both are there
  std::optional<double> mscale_all_dim;
  bool truncate = true;              // kYarn: the ramp's ends are rounded outwards
  std::vector<double> short_factor;  // kLongRope; nn checks their length against the rotated dimensions
  std::vector<double> long_factor;

  friend bool operator==(const RopeConfig&, const RopeConfig&) = default;
};

// What an architecture's own config class assumes where the file is silent.
struct RopeDefaults {
  double theta = 10000;
  double partial_rotary_factor = 1;
  // For an architecture whose class declares original_max_position_embeddings: its default, which then counts as given
  // at the top level (and so comes before a value among the scaling settings).
  std::optional<std::int64_t> original_max_position = std::nullopt;
};

// Either `all`, or one entry for each layer type ("full_attention": settings; no value = no rotation there).
struct RopeConfigs {
  RopeConfig all;
  std::vector<std::pair<std::string, std::optional<RopeConfig>>> by_layer_type;  // empty: `all` counts
};

// Reads `rope_theta` + `rope_scaling` + `partial_rotary_factor`, or `rope_parameters`, or both where they agree, and
// resolves them as modeling_rope_utils.py of transformers 5.23 does. Throws kBadInput for a missing or impossible
// value, kUnsupported for a type that is not known, kMismatch where two spellings contradict each other. Settings that
// the type does not use are marked as ignored; ones that no type knows stay unread.
RopeConfigs parse_rope_configs(const Config& config, const RopeDefaults& defaults = {});
// The same for a model whose layers all rotate alike. Throws kUnsupported for settings by layer type.
RopeConfig parse_rope_config(const Config& config, const RopeDefaults& defaults = {});

}  // namespace firstlight::io
