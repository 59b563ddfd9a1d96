// One function a model file: its line in the model list.
#pragma once

#include "firstlight/model/model.h"

namespace firstlight::model {

ModelRow gpt2_row();
ModelRow gpt_bigcode_row();
ModelRow llama_row();
ModelRow ministral_row();
ModelRow mistral_row();
ModelRow mixtral_row();
ModelRow phi_row();
ModelRow phi3_row();
ModelRow qwen2_row();
ModelRow qwen3_row();
ModelRow starcoder2_row();

}  // namespace firstlight::model
