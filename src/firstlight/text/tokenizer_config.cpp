// Tokenizer::load: which file it is, and what the files beside it add.
#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/base/json.h"
#include "firstlight/text/tokenizer.h"
#include "firstlight/text/tokenizer_classes.h"
#include "firstlight/text/tokenizer_parts.h"

namespace firstlight::text {
namespace {

namespace fs = std::filesystem;

// The tokens that transformers gives names, in its order.
constexpr const char* kNamedTokens[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                        "pad_token", "cls_token", "mask_token"};

Json read_optional_object(const fs::path& path) {
  if (!fs::exists(path)) return Json::object();
  Json json = read_json_file(path);
  if (!json.is_object()) fail(Category::kBadInput, path.string(), "expected an object, found {}", json.type_name());
  return json;
}

// tokenizer_config.json and special_tokens_map.json of a folder.
struct Config {
  fs::path folder;
  Json config = read_optional_object(folder / "tokenizer_config.json");
  Json map = read_optional_object(folder / "special_tokens_map.json");

  std::string config_where() const { return (folder / "tokenizer_config.json").string(); }
  // The config wins, also when it says null.
  bool in_config(const char* key) const { return config.contains(key); }
  std::string where(const char* key) const {
    return (folder / (in_config(key) ? "tokenizer_config.json" : "special_tokens_map.json")).string();
  }
  const Json* find(const char* key) const {
    const Json& from = in_config(key) ? config : map;
    const auto found = from.find(key);
    return found == from.end() || found->is_null() ? nullptr : &*found;
  }
  // Special-token fields are a string, or an object with "content".
  std::optional<std::string> token(const char* key) const {
    const Json* found = find(key);
    if (found == nullptr) return std::nullopt;
    const Json* text = found;
    if (found->is_object() && found->contains("content")) text = &(*found)["content"];
    if (!text->is_string())
      fail(Category::kBadInput, where(key), "'{}': expected a string or an object with \"content\"", key);
    return text->get<std::string>();
  }
  bool boolean(const char* key, bool otherwise) const {
    const Json* found = find(key);
    if (found == nullptr) return otherwise;
    if (!found->is_boolean()) fail(Category::kBadInput, where(key), "'{}': expected true or false", key);
    return found->get<bool>();
  }
  // Without "Fast" at its end; empty when no class is named.
  std::string tokenizer_class() const {
    const auto found = config.find("tokenizer_class");
    std::string name = found != config.end() && found->is_string() ? found->get<std::string>() : "";
    if (name.ends_with("Fast")) name.resize(name.size() - 4);
    return name;
  }
};

std::vector<AddedToken> listed_tokens(const Config& config) {
  std::vector<AddedToken> tokens;
  if (const auto list = config.config.find("added_tokens_decoder"); list != config.config.end() && !list->is_null()) {
    if (!list->is_object())
      fail(Category::kBadInput, config.config_where(), "added_tokens_decoder: expected an object");
    for (const auto& [key, entry] : list->items()) {
      const std::string place = fmt::format("{}: added_tokens_decoder['{}']", config.config_where(), key);
      std::int64_t id = -1;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
      if (error != std::errc() || end != key.data() + key.size())
        fail(Category::kBadInput, place, "expected an id as the key");
      tokens.push_back(parse_added_token(entry, place, id));
    }
  }
  return tokens;
}

// added_tokens.json, which older checkpoints have: {"content": id, ...}.
std::vector<AddedToken> older_listed_tokens(const Config& config) {
  const fs::path path = config.folder / "added_tokens.json";
  const Json list = read_optional_object(path);
  std::vector<AddedToken> tokens;
  for (const auto& [content, id] : list.items()) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > static_cast<std::uint64_t>(kMaxTokenId) ||
        content.empty())
      fail(Category::kBadInput, path.string(), "'{}': expected an id from 0 to {}", content, kMaxTokenId);
    AddedToken token;
    token.id = id.get<std::int32_t>();
    token.content = content;
    tokens.push_back(std::move(token));
  }
  return tokens;
}

// A second file's tokens: known ones must agree, the others are added.
void add_listed(TokenizerParts& parts, std::vector<AddedToken> further, const std::string& where) {
  std::unordered_map<std::string, std::int32_t> known;
  for (const AddedToken& token : parts.added) known.emplace(token.content, token.id);
  for (AddedToken& token : further) {
    const auto found = known.find(token.content);
    const auto id =
        found != known.end() ? found->second : parts.model->vocabulary().id_of(token.content).value_or(token.id);
    if (id != token.id)
      fail(Category::kMismatch, where, "'{}' has id {}, but id {} in the vocabulary", token.content, token.id, id);
    if (found == known.end()) parts.added.push_back(std::move(token));
  }
}

// Files that say nothing of added tokens: those with a name are special ones, with the next free id where the
// vocabulary does not have them.
void add_named(TokenizerParts& parts, const Config& config, const std::vector<std::string>& by_class) {
  std::int32_t next = parts.model->vocabulary().end();
  for (const AddedToken& token : parts.added) next = std::max(next, token.id + 1);
  const auto add = [&](const Json& entry, const std::string& where) {
    const std::string content = entry.is_object() ? entry.value("content", "") : entry.get<std::string>();
    for (const AddedToken& token : parts.added)
      if (token.content == content) return;
    const auto known = parts.model->vocabulary().id_of(content);
    Json fields = entry.is_object() ? entry : Json{{"content", content}, {"normalized", false}};
    fields["special"] = true;
    parts.added.push_back(parse_added_token(fields, where, known ? *known : next));
    if (!known) ++next;
  };
  for (const char* key : kNamedTokens)
    if (config.token(key)) add(*config.find(key), config.where(key));
  for (const std::string& content : by_class)
    if (parts.model->vocabulary().id_of(content)) add(content, config.config_where());
  for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
    const Json* list = config.find(key);
    if (list == nullptr || !list->is_array()) continue;
    for (const Json& entry : *list) {
      if (!entry.is_string() && !(entry.is_object() && entry.contains("content") && entry["content"].is_string()))
        fail(Category::kBadInput, config.where(key), "'{}': expected strings or objects with \"content\"", key);
      add(entry, config.where(key));
    }
  }
}

// The name that a sentencepiece model or rank file has: tokenizer.model, spiece.model, tokenizer.model.v3, x.tiktoken.
bool is_model_file(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".model") || name.find(".model.") != std::string::npos || name.ends_with(".tiktoken");
}
bool is_rwkv_file(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with("rwkv_vocab") && name.ends_with(".txt");
}

// The file of a folder that holds the tokenizer; empty where none does.
fs::path find_file(const fs::path& folder) {
  if (fs::exists(folder / "tokenizer.json")) return folder / "tokenizer.json";
  if (fs::exists(folder / "tokenizer.model")) return folder / "tokenizer.model";
  std::vector<fs::path> models, others;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (is_model_file(entry.path())) models.push_back(entry.path());
    if (is_rwkv_file(entry.path())) others.push_back(entry.path());
  }
  if (!models.empty()) return *std::min_element(models.begin(), models.end());
  if (fs::exists(folder / "vocab.json") && fs::exists(folder / "merges.txt")) return folder / "vocab.json";
  return others.empty() ? fs::path() : *std::min_element(others.begin(), others.end());
}

// What goes around a text where the file does not say: the config does, or the class (transformers' defaults); rank
// files whose BOS is named so are published with a pipeline that begins every text with it.
void add_bos_and_eos(TokenizerParts& parts, const Config& config) {
  constexpr std::string_view kTextBegins = "<|begin_of_text|>";
  const std::string name = config.tokenizer_class();
  const auto add = [&](const char* flag, bool by_class, const char* key, const char* usual,
                       std::vector<std::int32_t>& side) {
    if (!config.boolean(flag, by_class)) return;
    const std::string content = config.token(key).value_or(usual);
    auto id = parts.model->vocabulary().id_of(content);
    for (const AddedToken& token : parts.added)
      if (token.content == content) id = token.id;
    if (!id) fail(Category::kMismatch, config.where(key), "{} '{}' is not in the vocabulary", key, content);
    side.push_back(*id);
  };
  const bool begins = std::ranges::find(kBeginningClasses, name) != std::end(kBeginningClasses) ||
                      config.token("bos_token") == kTextBegins;
  add("add_bos_token", begins, "bos_token", "<s>", parts.post_processor.before);
  add("add_eos_token", name == kEndingClass, "eos_token", "</s>", parts.post_processor.after);
}

TokenizerParts read_model_file(const fs::path& path, const Config& config) {
  const std::string bytes = read_text_file(path);
  if (!looks_like_sentencepiece(bytes)) {
    TokenizerParts parts = read_tiktoken(bytes, path.string());
    add_listed(parts, listed_tokens(config), config.config_where());
    add_named(parts, config, {});
    add_bos_and_eos(parts, config);
    return parts;
  }
  const std::string name = config.tokenizer_class();
  // The library's own rule, and that of the classes' "legacy" mode, is a prefix for every stretch of text.
  const bool everywhere = name.empty() || config.boolean("legacy", false);
  TokenizerParts parts = read_sentencepiece(bytes, path.string(), everywhere);
  add_listed(parts, listed_tokens(config), config.config_where());
  add_listed(parts, older_listed_tokens(config), (config.folder / "added_tokens.json").string());
  add_bos_and_eos(parts, config);
  return parts;
}

TokenizerParts read_parts(const fs::path& path, const Config& config) {
  if (is_model_file(path)) return read_model_file(path, config);
  if (path.extension() == ".txt") return read_rwkv_vocabulary(read_text_file(path), path.string());
  if (path.filename() == "vocab.json") {
    const fs::path merges = path.parent_path() / "merges.txt";
    TokenizerParts parts = read_vocab_and_merges(read_text_file(path), path.string(), read_text_file(merges),
                                                 merges.string(), config.config, config.config_where());
    add_listed(parts, listed_tokens(config), config.config_where());
    add_listed(parts, older_listed_tokens(config), (config.folder / "added_tokens.json").string());
    const std::vector<std::string> by_class = {"<|endoftext|>", "<|startoftext|>"};
    add_named(parts, config, by_class);
    return parts;
  }
  TokenizerParts parts = read_tokenizer_json(read_text_file(path), path.string());
  add_listed(parts, listed_tokens(config), config.config_where());
  return parts;
}

}  // namespace

bool Tokenizer::exists(const fs::path& folder) { return !find_file(folder).empty(); }

Tokenizer Tokenizer::load(const fs::path& path) {
  const fs::path file = fs::is_directory(path) ? find_file(path) : path;
  if (file.empty())
    fail(Category::kBadInput, path.string(),
         "no tokenizer: none of tokenizer.json, *.model, *.tiktoken, vocab.json with merges.txt, rwkv_vocab*.txt");
  const Config config{.folder = file.parent_path()};
  Tokenizer tokenizer(read_parts(file, config), file.string());
  const auto find = [&](const char* key) -> std::optional<std::int32_t> {
    const auto content = config.token(key);
    if (!content) return std::nullopt;
    const auto id = tokenizer.id_of(*content);
    if (!id) fail(Category::kMismatch, config.where(key), "{} '{}' is not in {}", key, *content, file.string());
    return id;
  };
  tokenizer.bos_ = find("bos_token");
  tokenizer.eos_ = find("eos_token");
  tokenizer.pad_ = find("pad_token");
  tokenizer.unk_ = find("unk_token");
  return tokenizer;
}

}  // namespace firstlight::text
