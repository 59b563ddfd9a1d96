// Rendering, reuse of the cache, and the reply's loop.
#include "firstlight/app/cli/conversation.h"

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/text/stream_decoder.h"

namespace firstlight::app {
namespace {

using Clock = std::chrono::steady_clock;

// Grows as the conversation does.
nn::StateOptions state_options(const pipeline::GenerateOptions& options) {
  nn::StateOptions state;
  state.max_length = std::max<std::int64_t>(1, options.context_size);
  return state;
}

}  // namespace

Conversation::Conversation(pipeline::Engine& engine, const pipeline::GenerateOptions& options,
                           const std::string& system)
    : engine_(engine),
      options_(options),
      template_(text::ChatTemplate::load(engine.folder())),
      stops_(pipeline::stop_ids(engine)),
      context_(engine.session(), engine.model(), state_options(options), options.chunk) {
  if (!system.empty()) system_messages_.push_back({{"role", "system"}, {"content", system}});
  messages_ = system_messages_;
}

void Conversation::reset() {
  messages_ = system_messages_;
  context_.trim(0, 0);
}

HostTensor Conversation::feed(const std::vector<std::int32_t>& ids, Turn& turn) {
  const std::vector<std::int32_t>& held = context_.ids(0);
  const auto same = std::ranges::mismatch(held, ids).in2 - ids.begin();
  turn.prompt_tokens = static_cast<std::int64_t>(ids.size());
  // The last id is fed in any case: its logits are what the reply starts from.
  turn.reused_tokens = std::min<std::int64_t>(same, turn.prompt_tokens - 1);
  context_.trim(0, turn.reused_tokens);
  if (turn.reused_tokens == 0)
    context_.declare_length(
        0, options_.context_size > 0 ? options_.context_size : turn.prompt_tokens + options_.max_new_tokens);
  return context_.feed(0, std::span(ids).subspan(static_cast<std::size_t>(turn.reused_tokens)));
}

Turn Conversation::reply(const std::string& message, const std::function<void(std::string_view)>& on_text,
                         const std::function<bool()>& stop) {
  messages_.push_back({{"role", "user"}, {"content", message}});
  const text::Tokenizer& tokenizer = engine_.tokenizer();
  const std::vector<std::int32_t> ids = tokenizer.encode(template_.render(messages_), {.add_special_tokens = false});
  if (ids.empty()) fail(Category::kBadInput, engine_.folder().string(), "the chat template gives no text");

  const Clock::time_point start = Clock::now();
  Turn turn;
  HostTensor logits = feed(ids, turn);
  text::StreamDecoder decoder(tokenizer);
  const auto emit = [&](const std::string& piece) {
    if (piece.empty()) return;
    turn.text += piece;
    on_text(piece);
  };
  Clock::time_point first = start;
  while (turn.finish.empty()) {
    const std::int32_t id = pipeline::sample(logits.f32(), options_.sampling, 0, context_.ids(0).size());
    if (first == start) first = Clock::now();
    if (!options_.ignore_stops && std::ranges::find(stops_, id) != stops_.end()) {
      turn.finish = "stop";
      break;
    }
    turn.ids.push_back(id);
    emit(decoder.push(id));
    if (stop())
      turn.finish = "interrupted";
    else if (static_cast<std::int64_t>(turn.ids.size()) >= options_.max_new_tokens)
      turn.finish = "length";
    else
      logits = context_.step(std::vector<std::int32_t>{0}, std::vector<std::int32_t>{id});
  }
  emit(decoder.finish());
  messages_.push_back({{"role", "assistant"}, {"content", turn.text}});

  turn.time_to_first_token_ms = std::chrono::duration<double, std::milli>(first - start).count();
  const double seconds = std::chrono::duration<double>(Clock::now() - first).count();
  if (turn.ids.size() > 1 && seconds > 0) turn.tokens_per_s = static_cast<double>(turn.ids.size() - 1) / seconds;
  return turn;
}

}  // namespace firstlight::app
