// Tokenizer::load: tokenizer.json with the two files beside it.
#include <charconv>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/base/json.h"
#include "firstlight/text/tokenizer.h"

namespace firstlight::text {
namespace {

// Special-token fields are a string, or an object with "content", or null.
std::optional<std::string> token_content(const Json& config, std::string_view key, const std::string& where) {
  const auto found = config.find(key);
  if (found == config.end() || found->is_null()) return std::nullopt;
  const Json* text = &*found;
  if (found->is_object()) {
    const auto content = found->find("content");
    if (content != found->end()) text = &*content;
  }
  if (!text->is_string())
    fail(Category::kBadInput, where, "'{}': expected a string or an object with \"content\"", key);
  return text->get<std::string>();
}

Json read_object(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return Json::object();
  Json json = read_json_file(path);
  if (!json.is_object()) fail(Category::kBadInput, path.string(), "expected an object, found {}", json.type_name());
  return json;
}

std::vector<AddedToken> listed_tokens(const Json& config, const std::string& where) {
  std::vector<AddedToken> tokens;
  const auto list = config.find("added_tokens_decoder");
  if (list == config.end() || list->is_null()) return tokens;
  if (!list->is_object()) fail(Category::kBadInput, where, "added_tokens_decoder: expected an object");
  for (const auto& [key, entry] : list->items()) {
    const std::string place = fmt::format("{}: added_tokens_decoder['{}']", where, key);
    std::int64_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size())
      fail(Category::kBadInput, place, "expected an id as the key");
    tokens.push_back(parse_added_token(entry, place, id));
  }
  return tokens;
}

}  // namespace

Tokenizer Tokenizer::load(const std::filesystem::path& folder) {
  const auto path = folder / "tokenizer.json";
  const auto config_path = folder / "tokenizer_config.json", map_path = folder / "special_tokens_map.json";
  const std::string text = read_text_file(path);
  const Json config = read_object(config_path), map = read_object(map_path);
  Tokenizer tokenizer = build(text, path.string(), listed_tokens(config, config_path.string()), config_path.string());
  const auto find = [&](std::string_view key) -> std::optional<std::int32_t> {
    // The config wins, also when it says null.
    const bool in_config = config.contains(key);
    const std::string where = (in_config ? config_path : map_path).string();
    const auto content = token_content(in_config ? config : map, key, where);
    if (!content) return std::nullopt;
    const auto id = tokenizer.id_of(*content);
    if (!id) fail(Category::kMismatch, where, "{} '{}' is not in {}", key, *content, path.string());
    return id;
  };
  tokenizer.bos_ = find("bos_token");
  tokenizer.eos_ = find("eos_token");
  tokenizer.pad_ = find("pad_token");
  tokenizer.unk_ = find("unk_token");
  return tokenizer;
}

}  // namespace firstlight::text
