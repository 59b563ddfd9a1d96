// The fields of config.json that decoder-only families share, read into a DecoderSpec.
#pragma once

#include <cstdint>

#include "firstlight/io/config.h"
#include "firstlight/io/rope_config.h"
#include "firstlight/nn/decoder_spec.h"

namespace firstlight::model {

// What a family's own config class assumes where the file is silent.
struct DecoderDefaults {
  double rms_norm_eps = 1e-6;
  io::RopeDefaults rope;
};

// Sizes, heads, activation, norms, tied embeddings, rotation; every layer alike. Marks bookkeeping fields as known.
// Throws kBadInput or kUnsupported naming the field.
nn::DecoderSpec read_decoder(const io::Config& config, const DecoderDefaults& defaults);

// A size of the model: at least 1, and small enough that products of two cannot overflow.
std::int64_t read_size(const io::Config& config, std::string_view name);

}  // namespace firstlight::model
