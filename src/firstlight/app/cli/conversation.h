// A conversation: messages through the chat template, with the cache kept as far as the text stays the same.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/base/json.h"
#include "firstlight/pipeline/context.h"
#include "firstlight/pipeline/generate.h"
#include "firstlight/text/chat_template.h"

namespace firstlight::app {

struct Turn {
  std::int64_t prompt_tokens = 0;  // of the whole conversation up to the reply
  std::int64_t reused_tokens = 0;  // of them, those that the cache held
  std::vector<std::int32_t> ids;   // of the reply, without the stop token
  std::string text;
  std::string finish;  // "stop", "length" or "interrupted"
  double time_to_first_token_ms = 0;
  double tokens_per_s = 0;  // after the first token
};

class Conversation {
 public:
  // Throws kBadInput when the model has no chat template. `system` may be empty. The engine outlives this.
  Conversation(pipeline::Engine& engine, const pipeline::GenerateOptions& options, const std::string& system);

  // `on_text` gets the reply as it becomes certain; `stop` is asked after every token.
  Turn reply(const std::string& message, const std::function<void(std::string_view)>& on_text,
             const std::function<bool()>& stop);
  // Forgets everything but the system message.
  void reset();

 private:
  // Feeds what the cache does not hold of `ids`; returns the logits of the last one.
  HostTensor feed(const std::vector<std::int32_t>& ids, Turn& turn);

  pipeline::Engine& engine_;
  pipeline::GenerateOptions options_;
  text::ChatTemplate template_;
  std::vector<std::int32_t> stops_;
  Json system_messages_ = Json::array();
  Json messages_ = Json::array();
  pipeline::Context context_;
};

}  // namespace firstlight::app
