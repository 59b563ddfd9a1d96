// generation_config.json: which tokens end a text, and the publisher's sampling defaults.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace firstlight::io {

struct GenerationConfig {
  std::vector<std::int64_t> eos_token_ids;  // any of them ends a text; empty where the file names none
  std::optional<std::int64_t> bos_token_id;
  std::optional<std::int64_t> pad_token_id;
  std::optional<bool> do_sample;
  std::optional<double> temperature;
  std::optional<std::int64_t> top_k;
  std::optional<double> top_p;
  std::vector<std::string> unknown;  // other fields, for a report; none changes the logits
};

// Throws kBadInput for a value out of its range.
GenerationConfig load_generation_config(const std::filesystem::path& path);
GenerationConfig parse_generation_config(std::string_view text, std::string_view where);

}  // namespace firstlight::io
