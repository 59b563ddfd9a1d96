// Reading generation_config.json through Config.
#include "firstlight/io/generation_config.h"

#include "firstlight/base/error.h"
#include "firstlight/io/config.h"

namespace firstlight::io {
namespace {

std::int64_t checked_id(const Config& config, std::string_view name, std::int64_t id) {
  if (id < 0 || id > INT32_MAX) fail(Category::kBadInput, config.where(name), "expected a token id, found {}", id);
  return id;
}

std::optional<std::int64_t> token_id(const Config& config, std::string_view name) {
  if (!config.has(name)) return std::nullopt;
  return checked_id(config, name, config.integer(name));
}

GenerationConfig read(const Config& config) {
  GenerationConfig generation;
  if (config.has("eos_token_id"))
    for (const std::int64_t id : config.one_or_more_integers("eos_token_id"))
      generation.eos_token_ids.push_back(checked_id(config, "eos_token_id", id));
  generation.bos_token_id = token_id(config, "bos_token_id");
  generation.pad_token_id = token_id(config, "pad_token_id");
  if (config.has("do_sample")) generation.do_sample = config.boolean("do_sample");
  if (config.has("temperature")) {
    generation.temperature = config.number("temperature");
    if (*generation.temperature < 0)
      fail(Category::kBadInput, config.where("temperature"), "expected 0 or more, found {}", *generation.temperature);
  }
  if (config.has("top_k")) {
    generation.top_k = config.integer("top_k");
    if (*generation.top_k < 0)
      fail(Category::kBadInput, config.where("top_k"), "expected 0 (no limit) or more, found {}", *generation.top_k);
  }
  if (config.has("top_p")) {
    generation.top_p = config.number("top_p");
    if (*generation.top_p < 0 || *generation.top_p > 1)
      fail(Category::kBadInput, config.where("top_p"), "expected 0 to 1, found {}", *generation.top_p);
  }
  for (const std::string_view origin : {"transformers_version", "_from_model_config"})
    config.ignore(origin, "says where the file comes from");
  generation.unknown = config.unread();
  return generation;
}

}  // namespace

GenerationConfig load_generation_config(const std::filesystem::path& path) { return read(Config::load(path)); }

GenerationConfig parse_generation_config(std::string_view text, std::string_view where) {
  return read(Config::parse(text, where));
}

}  // namespace firstlight::io
