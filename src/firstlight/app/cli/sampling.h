// Flags of verbs that draw tokens, under the names of Hugging Face and llama.cpp.
#pragma once

#include <CLI/CLI.hpp>

#include "firstlight/base/json.h"
#include "firstlight/pipeline/generate.h"

namespace firstlight::app {

void add_sampling_flags(CLI::App& command, pipeline::GenerateOptions& options);

Json sampling_json(const pipeline::GenerateOptions& options);

}  // namespace firstlight::app
