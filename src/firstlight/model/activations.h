// The activation functions that config files name.
#pragma once

#include <string_view>

#include "firstlight/io/config.h"
#include "firstlight/op/elementwise.h"

namespace firstlight::model {

// The function named by a field, `otherwise` where it is absent. Throws kUnsupported naming it and the known ones.
op::UnaryKind read_activation(const io::Config& config, std::string_view field, std::string_view otherwise);

}  // namespace firstlight::model
