// What the GPT-2 family shares: names of fields and tensors, learned positions, LayerNorm, a plain MLP, biases.
#pragma once

#include <string_view>
#include <vector>

#include "firstlight/io/config.h"
#include "firstlight/model/causal_lm.h"
#include "firstlight/nn/decoder_spec.h"

namespace firstlight::model {

// As many KV heads as heads; fused query, key and value. Throws kBadInput or kUnsupported naming the field.
nn::DecoderSpec read_gpt2_decoder(const io::Config& config, std::string_view default_activation);

// Masks that old exports stored.
std::vector<IgnoredTensors> gpt2_buffers();

}  // namespace firstlight::model
