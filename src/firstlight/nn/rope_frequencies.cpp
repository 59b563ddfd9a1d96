// Frequencies by type. Source of the formulas and of their rounding points: modeling_rope_utils.py, transformers 5.23.
#include "firstlight/nn/rope_frequencies.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "firstlight/base/error.h"

namespace firstlight::nn {
namespace {

float power(float base, float exponent) {
  return static_cast<float>(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
}

// base^(2i / dim), i = 0 ...: the wavelengths / 2 pi. An odd dim has one pair more than half of it.
std::vector<float> position_scales(float base, int dim) {
  std::vector<float> scales;
  for (int i = 0; i < dim; i += 2) scales.push_back(power(base, static_cast<float>(i) / static_cast<float>(dim)));
  return scales;
}

std::vector<float> inverse(std::vector<float> values) {
  for (float& value : values) value = 1.0F / value;
  return values;
}

// The base that dynamic NTK scaling takes for a text longer than max_position.
float dynamic_base(const io::RopeConfig& config, int dim, std::int64_t length) {
  const auto max_position = static_cast<float>(config.max_position);
  if (length <= config.max_position) return static_cast<float>(config.theta);
  const float stretched = static_cast<float>(config.factor) * static_cast<float>(length) / max_position -
                          static_cast<float>(config.factor - 1);
  return static_cast<float>(config.theta) * power(stretched, static_cast<float>(dim / (dim - 2.0)));
}

// Long wavelengths are divided by the factor, short ones kept, those between are interpolated.
std::vector<float> banded(const io::RopeConfig& config, std::vector<float> inv_freq) {
  const auto original = static_cast<double>(config.original_max_position);
  const auto low_wavelength = static_cast<float>(original / config.low_freq_factor);
  const auto high_wavelength = static_cast<float>(original / config.high_freq_factor);
  const auto factor = static_cast<float>(config.factor);
  const auto band = static_cast<float>(config.high_freq_factor - config.low_freq_factor);
  for (float& frequency : inv_freq) {
    const float wavelength = 1.0F / frequency * static_cast<float>(2 * std::numbers::pi);
    if (wavelength > low_wavelength) {
      frequency = frequency / factor;
    } else if (!(wavelength < high_wavelength)) {
      const float turns = 1.0F / wavelength * static_cast<float>(original);
      const float smooth = (turns - static_cast<float>(config.low_freq_factor)) / band;
      frequency = (1.0F - smooth) * frequency / factor + smooth * frequency;
    }
  }
  return inv_freq;
}

double yarn_scale(double factor, double mscale) { return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0; }

double yarn_attention_factor(const io::RopeConfig& config) {
  if (config.attention_factor) return *config.attention_factor;
  const double mscale = config.mscale.value_or(0);
  const double mscale_all_dim = config.mscale_all_dim.value_or(0);
  if (mscale == 0 || mscale_all_dim == 0) return yarn_scale(config.factor, 1);
  return yarn_scale(config.factor, mscale) / yarn_scale(config.factor, mscale_all_dim);
}

// Pairs that turn often within the original context are kept, those that turn seldom are divided by the factor, with a
// ramp between.
std::vector<float> yarn(const io::RopeConfig& config, int dim) {
  // The pair (not rounded) that turns `rotations` times over the original context.
  const auto pair_of = [&](double rotations) {
    const auto original = static_cast<double>(config.original_max_position);
    return dim * std::log(original / (rotations * 2 * std::numbers::pi)) / (2 * std::log(config.theta));
  };
  double low = pair_of(config.beta_fast);
  double high = pair_of(config.beta_slow);
  if (config.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1.0);
  if (low == high) high += 0.001;  // a step instead of a division by zero

  std::vector<float> inv_freq = position_scales(static_cast<float>(config.theta), dim);
  for (std::size_t i = 0; i < inv_freq.size(); ++i) {
    const float kept = 1.0F / inv_freq[i];
    const float divided = 1.0F / (static_cast<float>(config.factor) * inv_freq[i]);
    const float ramp = (static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low);
    const float share_kept = 1.0F - std::clamp(ramp, 0.0F, 1.0F);
    inv_freq[i] = divided * (1.0F - share_kept) + kept * share_kept;
  }
  return inv_freq;
}

double long_rope_attention_factor(const io::RopeConfig& config) {
  if (config.attention_factor) return *config.attention_factor;
  if (config.factor <= 1) return 1;
  return std::sqrt(1 + std::log(config.factor) / std::log(static_cast<double>(config.original_max_position)));
}

std::vector<float> long_rope(const io::RopeConfig& config, int dim, std::int64_t length, std::string_view where) {
  std::vector<float> inv_freq = position_scales(static_cast<float>(config.theta), dim);
  const auto check = [&](std::string_view field, const std::vector<double>& factors) {
    if (factors.size() != inv_freq.size()) {
      fail(Category::kBadInput, where, "{} holds {} numbers; {} rotated dimensions take {}", field, factors.size(), dim,
           inv_freq.size());
    }
  };
  check("short_factor", config.short_factor);
  check("long_factor", config.long_factor);
  const auto& factors = length > config.original_max_position ? config.long_factor : config.short_factor;
  for (std::size_t i = 0; i < inv_freq.size(); ++i) {
    inv_freq[i] = 1.0F / (static_cast<float>(factors[i]) * inv_freq[i]);
  }
  return inv_freq;
}

}  // namespace

bool depends_on_length(io::RopeType type) { return type == io::RopeType::kDynamic || type == io::RopeType::kLongRope; }

RopeFrequencies rope_frequencies(const io::RopeConfig& config, std::int64_t head_dim, std::int64_t declared_length,
                                 std::string_view where) {
  const int dim = static_cast<int>(static_cast<double>(head_dim) * config.partial_rotary_factor);
  const int smallest = config.type == io::RopeType::kDynamic ? 3 : 1;  // its exponent is dim / (dim - 2)
  if (dim < smallest || dim + dim % 2 > head_dim) {
    fail(Category::kUnsupported, where,
         "{} RoPE of {} dimensions (partial_rotary_factor {}) does not fit a head of {}: at least {} and at most the "
         "head, "
         "in pairs",
         io::rope_type_name(config.type), dim, config.partial_rotary_factor, head_dim, smallest);
  }
  if (config.type == io::RopeType::kYarn && dim % 2 != 0) {
    fail(Category::kUnsupported, where, "{} RoPE of an odd number of dimensions, {}", io::rope_type_name(config.type),
         dim);
  }
  const auto theta = static_cast<float>(config.theta);
  switch (config.type) {
    case io::RopeType::kDefault:
      return {inverse(position_scales(theta, dim)), 1};
    case io::RopeType::kLinear: {
      std::vector<float> inv_freq = inverse(position_scales(theta, dim));
      for (float& frequency : inv_freq) frequency /= static_cast<float>(config.factor);
      return {std::move(inv_freq), 1};
    }
    case io::RopeType::kDynamic:
      return {inverse(position_scales(dynamic_base(config, dim, declared_length), dim)), 1};
    case io::RopeType::kBanded:
      return {banded(config, inverse(position_scales(theta, dim))), 1};
    case io::RopeType::kYarn:
      return {yarn(config, dim), yarn_attention_factor(config)};
    case io::RopeType::kLongRope:
      return {long_rope(config, dim, declared_length, where), long_rope_attention_factor(config)};
  }
  fail(Category::kInternal, where, "a RoPE type without a formula");
}

}  // namespace firstlight::nn
