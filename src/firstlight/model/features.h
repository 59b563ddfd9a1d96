// What a decoder is made of, in words for reports and as component keys for checks.
#pragma once

#include <string>
#include <vector>

#include "firstlight/model/model.h"
#include "firstlight/nn/decoder_spec.h"

namespace firstlight::model {

// "GQA 4:1", "LongRoPE (8x)", "sliding window 2048", "fused QKV" ...
std::vector<std::string> decoder_features(const nn::DecoderSpec& spec);

// Every component key in order of computation.
std::vector<Model::Component> decoder_components(const nn::DecoderSpec& spec);

}  // namespace firstlight::model
