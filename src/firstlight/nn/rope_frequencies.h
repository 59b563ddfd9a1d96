// How fast each pair of a head is rotated, for every RoPE type. The arithmetic is that of the Hugging Face
// implementation (float32 tensors, double scalars, in its order), so that frequencies agree to the last bit or two.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "firstlight/io/rope_config.h"

namespace firstlight::nn {

struct RopeFrequencies {
  std::vector<float> inv_freq;  // of each rotated pair, radians per position
  double attention_factor = 1;  // multiplies cos and sin

  int rotary_dim() const { return 2 * static_cast<int>(inv_freq.size()); }
  friend bool operator==(const RopeFrequencies&, const RopeFrequencies&) = default;
};

// Whether the frequencies depend on the length a text is declared to have.
bool depends_on_length(io::RopeType type);

// `declared_length`: the tokens that a text will have in all. `where` names the config file in errors. Throws kBadInput
// (naming the field) for lists that do not have one factor a pair, kUnsupported for a rotation that does not fit.
RopeFrequencies rope_frequencies(const io::RopeConfig& config, std::int64_t head_dim, std::int64_t declared_length,
                                 std::string_view where);

}  // namespace firstlight::nn
