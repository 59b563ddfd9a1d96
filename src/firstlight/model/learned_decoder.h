// What decoders with learned positions share (GPT-2 and its heirs): names of fields and tensors, LayerNorm, a plain
// MLP, biases.
#pragma once

#include <string_view>
#include <vector>

#include "firstlight/io/config.h"
#include "firstlight/model/causal_lm.h"
#include "firstlight/nn/decoder_spec.h"

namespace firstlight::model {

// As many KV heads as heads; fused query, key and value. Throws kBadInput or kUnsupported naming the field.
nn::DecoderSpec read_learned_decoder(const io::Config& config, std::string_view default_activation);

// Masks that old exports stored.
std::vector<IgnoredTensors> stored_masks();

}  // namespace firstlight::model
