// Tables of cos and sin, rounded where the Hugging Face implementation rounds.
#include "firstlight/nn/rope_tables.h"

#include <algorithm>
#include <cmath>

namespace firstlight::nn {

void append_rope_rows(const RopeFrequencies& frequencies, std::int64_t positions, std::vector<float>& cos,
                      std::vector<float>& sin) {
  const auto factor = static_cast<float>(frequencies.attention_factor);
  for (std::int64_t position = 0; position < positions; ++position) {
    for (const float frequency : frequencies.inv_freq) {
      const double angle = static_cast<float>(position) * frequency;  // the product is an f32
      cos.push_back(static_cast<float>(std::cos(angle)) * factor);
      sin.push_back(static_cast<float>(std::sin(angle)) * factor);
    }
  }
}

RopeTables::RopeTables(run::Session& session, const RopeSpec& spec, std::int64_t max_length)
    : session_(session), spec_(spec), max_length_(max_length) {}

std::int64_t RopeTables::first_row(std::int64_t declared_length) {
  RopeFrequencies wanted = rope_frequencies(spec_.config, spec_.head_dim, declared_length, spec_.where);
  const auto found = std::ranges::find(blocks_, wanted);
  const auto block = static_cast<std::int64_t>(found - blocks_.begin());
  if (found == blocks_.end()) {
    rotary_dim_ = wanted.rotary_dim();
    blocks_.push_back(std::move(wanted));
    std::vector<float> cos;
    std::vector<float> sin;
    for (const RopeFrequencies& frequencies : blocks_) append_rope_rows(frequencies, max_length_, cos, sin);
    const Shape shape{(block + 1) * max_length_, rotary_dim_ / 2};
    cos_ = session_.upload(HostTensor::from(cos, shape));
    sin_ = session_.upload(HostTensor::from(sin, shape));
  }
  return block * max_length_;
}

std::size_t RopeTables::bytes() const {
  return 2 * blocks_.size() * static_cast<std::size_t>(max_length_ * rotary_dim_ / 2) * sizeof(float);
}

}  // namespace firstlight::nn
