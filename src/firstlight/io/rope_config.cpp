// Resolving rotary settings.
#include "firstlight/io/rope_config.h"

#include <algorithm>
#include <array>
#include <utility>

#include "firstlight/base/error.h"
#include "firstlight/io/config.h"

namespace firstlight::io {
namespace {

struct TypeName {
  std::string_view name;
  RopeType type;
};
constexpr std::array kTypeNames = {
    TypeName{"default", RopeType::kDefault}, TypeName{"linear", RopeType::kLinear},
    TypeName{"dynamic", RopeType::kDynamic}, TypeName{"llama3", RopeType::kBanded},
    TypeName{"yarn", RopeType::kYarn},       TypeName{"longrope", RopeType::kLongRope},
};
// Settings that some type reads: next to a type that does not, they have no effect.
constexpr std::array<std::string_view, 12> kSettings = {"factor",           "original_max_position_embeddings",
                                                        "attention_factor", "low_freq_factor",
                                                        "high_freq_factor", "beta_fast",
                                                        "beta_slow",        "mscale",
                                                        "mscale_all_dim",   "truncate",
                                                        "short_factor",     "long_factor"};

// Values at the top level of the config, which all scaling settings share.
struct Common {
  std::optional<double> theta;
  std::optional<double> partial_rotary_factor;
  std::optional<std::int64_t> original_max_position;
  std::int64_t max_position = 0;
  std::string max_position_where;
};

std::optional<double> optional_positive(const Config& config, std::string_view name) {
  if (config.positive_number_or(name, 0) == 0) return std::nullopt;
  return config.positive_number(name);
}

// The same setting in two places must have one value.
template <typename Value>
std::optional<Value> agreed(const std::optional<Value>& inner, const std::optional<Value>& outer, const Config& config,
                            std::string_view name) {
  if (inner && outer && *inner != *outer)
    fail(Category::kMismatch, config.where(name), "{}, but {} at the top level", *inner, *outer);
  return inner ? inner : outer;
}

RopeType type_of(std::string_view name, const Config& settings, std::string_view field) {
  if (name == "su") return RopeType::kLongRope;
  const auto* found = std::ranges::find(kTypeNames, name, &TypeName::name);
  if (found == kTypeNames.end()) {
    std::string known;
    for (const TypeName& entry : kTypeNames) known += (known.empty() ? "" : ", ") + std::string(entry.name);
    fail(Category::kUnsupported, settings.where(field), "rotary type '{}' is not supported; known: {}", name, known);
  }
  // Early checkpoints say "yarn" and mean the type with two lists of divisors.
  if (found->type == RopeType::kYarn && settings.has("short_factor") && settings.has("long_factor"))
    return RopeType::kLongRope;
  return found->type;
}

RopeType read_type(const Config& settings) {
  const std::string newer = settings.string_or("rope_type", "");
  const std::string older = settings.string_or("type", "");
  if (newer.empty() && older.empty()) return RopeType::kDefault;
  const RopeType type = newer.empty() ? type_of(older, settings, "type") : type_of(newer, settings, "rope_type");
  if (!newer.empty() && !older.empty() && type_of(older, settings, "type") != type)
    fail(Category::kMismatch, settings.where("rope_type"), "'{}', but type says '{}'", newer, older);
  return type;
}

// 0 and null both mean "not set" to the reference implementation.
std::optional<double> optional_nonzero(const Config& settings, std::string_view name) {
  const double value = settings.number_or(name, 0);
  return value == 0 ? std::nullopt : std::optional(value);
}

std::vector<double> read_divisors(const Config& settings, std::string_view name) {
  std::vector<double> divisors = settings.numbers(name);
  for (const double divisor : divisors)
    if (!(divisor > 0)) fail(Category::kBadInput, settings.where(name), "expected positive numbers, found {}", divisor);
  return divisors;
}

// What a type needs from the top level of the config.
std::int64_t need_max_position(const Common& common, RopeType type) {
  if (common.max_position == 0)
    fail(Category::kBadInput, common.max_position_where, "missing; rotary type {} needs it", rope_type_name(type));
  return common.max_position;
}

// The factor of a type that may leave it to the ratio of the two context lengths.
double factor_or_ratio(const Config& settings, const Common& common, const RopeConfig& rope) {
  const double given = settings.positive_number_or("factor", 0);
  if (given != 0) return given;
  return static_cast<double>(need_max_position(common, rope.type)) / static_cast<double>(rope.original_max_position);
}

void read_type_settings(const Config& settings, const Common& common, RopeConfig& rope) {
  switch (rope.type) {
    case RopeType::kDefault:
      break;
    case RopeType::kLinear:
    case RopeType::kDynamic:
      rope.factor = settings.positive_number("factor");
      break;
    case RopeType::kBanded:
      rope.factor = settings.positive_number("factor");
      rope.low_freq_factor = settings.positive_number("low_freq_factor");
      rope.high_freq_factor = settings.positive_number("high_freq_factor");
      if (rope.high_freq_factor <= rope.low_freq_factor)
        fail(Category::kBadInput, settings.where("high_freq_factor"), "expected more than low_freq_factor {}, found {}",
             rope.low_freq_factor, rope.high_freq_factor);
      break;
    case RopeType::kYarn:
      if (!settings.has("factor") && !settings.is_null("factor")) settings.positive_number("factor");  // says it misses
      rope.factor = factor_or_ratio(settings, common, rope);
      rope.attention_factor = optional_positive(settings, "attention_factor");
      rope.beta_fast = optional_nonzero(settings, "beta_fast").value_or(rope.beta_fast);
      rope.beta_slow = optional_nonzero(settings, "beta_slow").value_or(rope.beta_slow);
      if (rope.beta_slow <= 0 || rope.beta_fast < rope.beta_slow)
        fail(Category::kBadInput, settings.where("beta_fast"), "expected beta_fast >= beta_slow > 0, found {} and {}",
             rope.beta_fast, rope.beta_slow);
      rope.mscale = optional_nonzero(settings, "mscale");
      rope.mscale_all_dim = optional_nonzero(settings, "mscale_all_dim");
      rope.truncate = settings.boolean_or("truncate", true);
      break;
    case RopeType::kLongRope:
      rope.factor = factor_or_ratio(settings, common, rope);
      rope.attention_factor = optional_positive(settings, "attention_factor");
      rope.short_factor = read_divisors(settings, "short_factor");
      rope.long_factor = read_divisors(settings, "long_factor");
      // The attention factor divides by log(original length).
      if (rope.original_max_position < 2)
        fail(Category::kBadInput, settings.where("original_max_position_embeddings"), "expected 2 or more, found {}",
             rope.original_max_position);
      break;
  }
}

bool stretches(RopeType type) {
  return type == RopeType::kBanded || type == RopeType::kYarn || type == RopeType::kLongRope;
}

// One set of settings: `settings` is rope_scaling, rope_parameters or an entry of the latter.
RopeConfig read_settings(const Config& settings, const Common& common, const RopeDefaults& defaults, bool nested) {
  RopeConfig rope;
  rope.type = read_type(settings);
  rope.theta =
      agreed(optional_positive(settings, "rope_theta"), common.theta, settings, "rope_theta").value_or(defaults.theta);
  rope.partial_rotary_factor = agreed(optional_positive(settings, "partial_rotary_factor"),
                                      common.partial_rotary_factor, settings, "partial_rotary_factor")
                                   .value_or(defaults.partial_rotary_factor);
  if (rope.partial_rotary_factor > 1)
    fail(Category::kBadInput, settings.where("partial_rotary_factor"), "expected at most 1, found {}",
         rope.partial_rotary_factor);
  rope.max_position = common.max_position;
  rope.original_max_position = common.max_position;
  if (rope.type == RopeType::kDynamic) need_max_position(common, rope.type);
  if (stretches(rope.type)) {
    constexpr std::string_view kOriginal = "original_max_position_embeddings";
    std::optional<std::int64_t> inner;
    if (settings.positive_or(kOriginal, 0) != 0) inner = settings.positive(kOriginal);
    // Settings by layer type take no value from the top level.
    std::optional<std::int64_t> original =
        nested ? inner : agreed(inner, common.original_max_position, settings, kOriginal);
    if (!nested && !common.original_max_position && defaults.original_max_position)
      original = defaults.original_max_position;
    rope.original_max_position = original ? *original : need_max_position(common, rope.type);
  }
  read_type_settings(settings, common, rope);
  // Of these, what the type uses is read by now, and stays so: a field is listed as ignored only when it was not read.
  for (const std::string_view name : kSettings) settings.ignore(name, "the rotary type does not use it");
  settings.ignore("finetuned", "says how the checkpoint was made");
  return rope;
}

Common read_common(const Config& config) {
  Common common;
  common.theta = optional_positive(config, "rope_theta");
  common.partial_rotary_factor = optional_positive(config, "partial_rotary_factor");
  common.max_position = config.positive_or("max_position_embeddings", 0);
  common.max_position_where = config.where("max_position_embeddings");
  if (config.positive_or("original_max_position_embeddings", 0) != 0)
    common.original_max_position = config.positive("original_max_position_embeddings");
  return common;
}

// Settings by layer type are objects within the object.
bool is_nested(const Config& settings) {
  return std::ranges::any_of(settings.fields(), [&](const std::string& name) { return settings.is_object(name); });
}

[[noreturn]] void contradiction(const Config& config) {
  fail(Category::kMismatch, config.where("rope_parameters"), "contradicts rope_scaling: remove one of the two");
}

}  // namespace

std::string_view rope_type_name(RopeType type) { return std::ranges::find(kTypeNames, type, &TypeName::type)->name; }

RopeConfigs parse_rope_configs(const Config& config, const RopeDefaults& defaults) {
  const Common common = read_common(config);
  RopeConfigs result;
  std::optional<RopeConfig> older;
  std::optional<RopeConfig> newer;
  for (const std::string_view name : {"rope_scaling", "rope_parameters"}) {
    if (!config.has(name)) continue;
    const Config settings = config.object(name);
    if (settings.fields().empty()) continue;
    if (is_nested(settings)) {
      if (!result.by_layer_type.empty()) contradiction(config);
      for (const std::string& layer_type : settings.fields()) {
        if (settings.is_object(layer_type)) {
          result.by_layer_type.emplace_back(layer_type,
                                            read_settings(settings.object(layer_type), common, defaults, true));
        } else if (settings.is_null(layer_type)) {
          result.by_layer_type.emplace_back(layer_type, std::nullopt);
        }
      }
    } else {
      (name == "rope_scaling" ? older : newer) = read_settings(settings, common, defaults, false);
    }
  }
  if ((older && newer && *older != *newer) || ((older || newer) && !result.by_layer_type.empty()))
    contradiction(config);
  if (older || newer) {
    result.all = older ? *older : *newer;
  } else {
    result.all.theta = common.theta.value_or(defaults.theta);
    result.all.partial_rotary_factor = common.partial_rotary_factor.value_or(defaults.partial_rotary_factor);
    if (result.all.partial_rotary_factor > 1)
      fail(Category::kBadInput, config.where("partial_rotary_factor"), "expected at most 1, found {}",
           result.all.partial_rotary_factor);
    result.all.max_position = common.max_position;
    result.all.original_max_position = common.max_position;
  }
  return result;
}

RopeConfig parse_rope_config(const Config& config, const RopeDefaults& defaults) {
  RopeConfigs configs = parse_rope_configs(config, defaults);
  if (!configs.by_layer_type.empty())
    fail(Category::kUnsupported, config.where("rope_parameters"),
         "rotary settings by layer type ('{}'); this architecture has one set for all layers",
         configs.by_layer_type.front().first);
  return std::move(configs.all);
}

}  // namespace firstlight::io
