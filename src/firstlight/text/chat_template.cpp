// Finding the template and its variables.
#include "firstlight/text/chat_template.h"

#include <ctime>
#include <vector>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/text/jinja/eval.h"

namespace firstlight::text {
namespace {

constexpr std::size_t kMaxTemplateBytes = 1 << 20;

class SystemClock : public jinja::Clock {
 public:
  explicit SystemClock(std::optional<std::int64_t> now) : now_(now) {}
  std::string format(const std::string& format) const override {
    std::tm parts{};
    const std::time_t time = now_ ? static_cast<std::time_t>(*now_) : std::time(nullptr);
    now_ ? ::gmtime_r(&time, &parts) : ::localtime_r(&time, &parts);
    // strftime returns 0 both for an empty result and for one that does not fit, hence the extra character.
    std::vector<char> buffer(4096);
    const std::size_t size = std::strftime(buffer.data(), buffer.size(), (format + " ").c_str(), &parts);
    if (size == 0) fail(Category::kBadInput, "strftime_now", "the format '{}' gives more than 4 kB", format);
    return std::string(buffer.data(), size - 1);
  }

 private:
  std::optional<std::int64_t> now_;
};

Json read_object(const std::filesystem::path& path) {
  Json json = std::filesystem::exists(path) ? read_json_file(path) : Json::object();
  if (!json.is_object()) fail(Category::kBadInput, path.string(), "expected an object, found {}", json.type_name());
  return json;
}

// Every field that ends in "_token" and holds a token.
void collect_special_tokens(const Json& config, Json& tokens) {
  for (const auto& [key, value] : config.items()) {
    if (!key.ends_with("_token") || tokens.contains(key)) continue;
    if (value.is_string()) tokens[key] = value;
    if (value.is_object() && value.contains("content") && value["content"].is_string()) tokens[key] = value["content"];
  }
}

// A message as transformers' apply_chat_template hands it to a template: without keys that are null, and with the
// reasoning under the names that templates read, whichever of them it came by.
Json shown_message(const Json& message, std::size_t index) {
  const std::string where = fmt::format("messages[{}]", index);
  if (!message.is_object()) fail(Category::kBadInput, where, "expected an object, found {}", message.type_name());
  Json reasoning;
  for (const char* name : {"reasoning_content", "thinking", "reasoning"})
    if (reasoning.is_null() && message.contains(name)) reasoning = message[name];
  Json shown = Json::object();
  if (!reasoning.is_null()) shown["thinking"] = reasoning;
  for (const auto& [key, value] : message.items())
    if (!value.is_null()) shown[key] = value;
  if (!reasoning.is_null()) shown["reasoning_content"] = reasoning;
  return shown;
}

}  // namespace

ChatTemplate::ChatTemplate(std::unique_ptr<const jinja::Template> compiled, Json special_tokens)
    : template_(std::move(compiled)), special_tokens_(std::move(special_tokens)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

ChatTemplate ChatTemplate::from_text(std::string_view source, std::string_view where, Json special_tokens) {
  if (source.size() > kMaxTemplateBytes)
    fail(Category::kBadInput, where, "a template of {} bytes; at most {}", source.size(), kMaxTemplateBytes);
  return {std::make_unique<const jinja::Template>(source, std::string(where)), std::move(special_tokens)};
}

bool ChatTemplate::exists(const std::filesystem::path& folder) {
  if (std::filesystem::exists(folder / "chat_template.jinja")) return true;
  const Json config = read_object(folder / "tokenizer_config.json");
  return config.contains("chat_template") && !config["chat_template"].is_null();
}

ChatTemplate ChatTemplate::load(const std::filesystem::path& folder, std::string_view name) {
  const auto config_path = folder / "tokenizer_config.json", text_path = folder / "chat_template.jinja";
  const Json config = read_object(config_path);
  Json tokens = Json::object();
  collect_special_tokens(config, tokens);
  collect_special_tokens(read_object(folder / "special_tokens_map.json"), tokens);
  if (std::filesystem::exists(text_path) && name == "default")
    return from_text(read_text_file(text_path, kMaxTemplateBytes), text_path.string(), std::move(tokens));

  const std::string where = config_path.string() + ": chat_template";
  const auto found = config.find("chat_template");
  if (found == config.end() || found->is_null()) fail(Category::kBadInput, folder.string(), "has no chat template");
  if (found->is_string()) return from_text(found->get_ref<const std::string&>(), where, std::move(tokens));
  if (!found->is_array()) fail(Category::kBadInput, where, "expected a string or a list of templates");
  for (const Json& entry : *found) {
    if (!entry.is_object() || !entry.contains("name") || !entry.contains("template") || !entry["template"].is_string())
      fail(Category::kBadInput, where, "expected entries with \"name\" and \"template\"");
    if (entry["name"] == name)
      return from_text(entry["template"].get_ref<const std::string&>(), where, std::move(tokens));
  }
  fail(Category::kBadInput, where, "no template is named '{}'", name);
}

std::string ChatTemplate::render(const Json& messages, const ChatOptions& options) const {
  if (!messages.is_array()) fail(Category::kBadInput, "messages", "expected an array, found {}", messages.type_name());
  if (messages.empty()) fail(Category::kBadInput, "messages", "expected at least one, found none");
  if (!options.extra.is_object()) fail(Category::kUsage, "chat template variables", "expected an object");
  // As transformers passes them: tools and documents are there as none when they are not given.
  Json variables = special_tokens_;
  Json& shown = variables["messages"] = Json::array();
  for (const Json& message : messages) shown.push_back(shown_message(message, shown.size()));
  variables["tools"] = options.tools;
  variables["documents"] = nullptr;
  variables["add_generation_prompt"] = options.add_generation_prompt;
  for (const auto& [key, value] : options.extra.items()) variables[key] = value;
  return template_->render(variables, SystemClock(options.now));
}

}  // namespace firstlight::text
