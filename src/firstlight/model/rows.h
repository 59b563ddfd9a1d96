// One function a model file: its line in the model list.
#pragma once

#include "firstlight/model/model.h"

namespace firstlight::model {

ModelRow llama_row();
ModelRow phi3_row();

}  // namespace firstlight::model
