// A checkpoint with random weights at the dimensions of a config.json, for work on speed and memory without downloads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "firstlight/base/threads.h"
#include "firstlight/format/format.h"

namespace firstlight::harness {

struct SynthOptions {
  std::uint64_t seed = 0;
  Format format = Format::bf16;
  std::uint64_t max_shard_bytes = 5'000'000'000;   // as Hugging Face shards
  std::optional<std::filesystem::path> tokenizer;  // a folder whose tokenizer files are copied
};

struct SynthResult {
  std::string model_type;
  std::size_t tensors = 0;
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;                 // of the weights
  std::vector<std::string> files;          // in the folder
  std::vector<std::string> unread_fields;  // of the config: loading needs a waiver for each
};

// Writes the folder `out`, which must be absent or empty; its bytes depend on the config, the options and nothing
// else. The folder appears under its name when it is complete: until then it is `out`.<process>.partial, which a
// failure removes and which the next run removes after a kill. `config` is a config.json or the folder of one.
// Memory stays bounded whatever the model's size. Throws kUsage, kBadInput, kUnsupported (an unknown architecture),
// kMismatch (a tokenizer with more ids than the vocabulary) and kResource, all but a disk's errors before any work.
SynthResult synthesize(const std::filesystem::path& config, const std::filesystem::path& out,
                       const SynthOptions& options, Executor& executor);

}  // namespace firstlight::harness
