// The chat template of a checkpoint: messages -> the text that the model was trained to continue.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "firstlight/base/json.h"

namespace firstlight::text {

namespace jinja {
class Template;
class Clock;
}  // namespace jinja

struct ChatOptions {
  bool add_generation_prompt = true;
  Json tools;                       // null, or an array of function schemas
  Json extra = Json::object();      // further variables of the template (enable_thinking, documents, ...)
  std::optional<std::int64_t> now;  // seconds since 1970, UTC: what strftime_now tells; otherwise the local time
};

class ChatTemplate {
 public:
  // chat_template.jinja, else "chat_template" of tokenizer_config.json: a string, or a list of {name, template}, of
  // which `name` is taken. The special tokens of tokenizer_config.json and special_tokens_map.json become variables
  // (bos_token, eos_token, ...). Throws kBadInput when the folder has no template.
  static ChatTemplate load(const std::filesystem::path& folder, std::string_view name = "default");
  // True when load() would find a template.
  static bool exists(const std::filesystem::path& folder);
  static ChatTemplate from_text(std::string_view source, std::string_view where, Json special_tokens = Json::object());

  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  // `messages` is an array of {"role": ..., "content": ...}, at least one; null fields are dropped first. The text
  // holds the template's special tokens: encode it with add_special_tokens = false. Errors as jinja::Template::render.
  std::string render(const Json& messages, const ChatOptions& options = {}) const;

 private:
  ChatTemplate(std::unique_ptr<const jinja::Template> compiled, Json special_tokens);
  std::unique_ptr<const jinja::Template> template_;
  Json special_tokens_;
};

}  // namespace firstlight::text
