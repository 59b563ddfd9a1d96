// Prefill user by user, then decode all of them together.
#include "firstlight/pipeline/generate.h"

#include <algorithm>
#include <set>

#include "firstlight/base/error.h"
#include "firstlight/io/generation_config.h"
#include "firstlight/pipeline/context.h"
#include "firstlight/text/stream_decoder.h"

namespace firstlight::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

void check(const std::vector<std::vector<std::int32_t>>& prompts, const GenerateOptions& options,
           std::int64_t vocab_size) {
  if (prompts.empty() || prompts.size() > kMaxUsers) {
    fail(Category::kUsage, "--batch", "{} users; 1 to {} run together", prompts.size(), kMaxUsers);
  }
  if (options.max_new_tokens < 1) fail(Category::kUsage, "--max-new-tokens", "{} is below 1", options.max_new_tokens);
  if (options.context_size < 0) fail(Category::kUsage, "--ctx-size", "{} is below 0", options.context_size);
  check_sampling(options.sampling);
  for (const auto& prompt : prompts) {
    if (prompt.empty()) fail(Category::kBadInput, "prompt", "it has no tokens");
    check_ids(prompt, vocab_size);
  }
}

// The users of one call and what they have got so far.
class Run {
 public:
  Run(run::Session& session, const model::Model& model, const std::vector<std::vector<std::int32_t>>& prompts,
      const GenerateOptions& options, const IdCallback& on_id)
      : options_(options),
        on_id_(on_id),
        vocab_size_(static_cast<std::size_t>(model.description().vocab_size)),
        context_(session, model, state_options(prompts, options), options.chunk) {
    result_.users.resize(prompts.size());
    for (std::size_t user = 0; user < prompts.size(); ++user) prefill(static_cast<std::int32_t>(user), prompts[user]);
  }

  Generation finish() {
    while (!waiting_.empty()) step();
    result_.rebuilds = context_.rebuilds();
    return std::move(result_);
  }

 private:
  // The last token drawn of a user that goes on.
  struct Waiting {
    std::int32_t user;
    std::int32_t id;
  };

  static nn::StateOptions state_options(const std::vector<std::vector<std::int32_t>>& prompts,
                                        const GenerateOptions& options) {
    nn::StateOptions state;
    state.sequences = static_cast<int>(prompts.size());
    for (const auto& prompt : prompts) {
      state.max_length = std::max(state.max_length, static_cast<std::int64_t>(prompt.size()) + options.max_new_tokens);
    }
    state.page_size = options.page_size;
    state.page_seed = options.page_seed;
    return state;
  }

  // Every user declares its own length, so that its text does not depend on who else is there.
  void prefill(std::int32_t user, const std::vector<std::int32_t>& prompt) {
    const Clock::time_point begin = Clock::now();
    const auto size = static_cast<std::int64_t>(prompt.size());
    context_.declare_length(user, options_.context_size > 0 ? options_.context_size : size + options_.max_new_tokens);
    const HostTensor logits = context_.feed(user, prompt);
    GeneratedUser& made = result_.users[static_cast<std::size_t>(user)];
    made.prompt_tokens = size;
    take(user, logits.f32());
    made.prefill = Clock::now() - begin;
    made.time_to_first_token = Clock::now() - start_;
  }

  void step() {
    const Clock::time_point begin = Clock::now();
    std::vector<std::int32_t> users;
    std::vector<std::int32_t> ids;
    for (const Waiting& waiting : std::exchange(waiting_, {})) {
      users.push_back(waiting.user);
      ids.push_back(waiting.id);
    }
    const HostTensor logits = context_.step(users, ids);
    for (std::size_t i = 0; i < users.size(); ++i) {
      take(users[i], logits.f32().subspan(i * vocab_size_, vocab_size_));
    }
    result_.steps.push_back({static_cast<int>(users.size()), Clock::now() - begin});
  }

  // Draws a user's next token.
  void take(std::int32_t user, std::span<const float> logits) {
    GeneratedUser& made = result_.users[static_cast<std::size_t>(user)];
    const std::size_t position = context_.ids(user).size();
    const std::int32_t id =
        sample(logits, options_.sampling, options_.first_user + static_cast<std::uint64_t>(user), position);
    if (!options_.ignore_stops && std::ranges::find(options_.stop_ids, id) != options_.stop_ids.end()) {
      made.finish = Finish::kStop;
      return;
    }
    made.ids.push_back(id);
    if (on_id_) on_id_(user, id);
    if (static_cast<std::int64_t>(made.ids.size()) < options_.max_new_tokens) waiting_.push_back({user, id});
  }

  const GenerateOptions& options_;
  const IdCallback& on_id_;
  std::size_t vocab_size_;
  Clock::time_point start_ = Clock::now();
  Context context_;
  std::vector<Waiting> waiting_;
  Generation result_;
};

void add_ids(const std::vector<std::int64_t>& from, std::int64_t vocab_size, std::set<std::int32_t>& into) {
  for (const std::int64_t id : from) {
    if (id >= 0 && id < vocab_size) into.insert(static_cast<std::int32_t>(id));
  }
}

}  // namespace

Generation generate_ids(run::Session& session, const model::Model& model,
                        const std::vector<std::vector<std::int32_t>>& prompts, const GenerateOptions& options,
                        const IdCallback& on_id) {
  check(prompts, options, model.description().vocab_size);
  return Run(session, model, prompts, options, on_id).finish();
}

Generation generate(Engine& engine, const std::vector<std::string>& prompts, const GenerateOptions& options,
                    const TextCallback& on_text) {
  const text::Tokenizer& tokenizer = engine.tokenizer();
  std::vector<std::vector<std::int32_t>> ids;
  std::vector<text::StreamDecoder> decoders;
  for (const std::string& prompt : prompts) {
    ids.push_back(tokenizer.encode(prompt));
    // The decoder has seen the prompt, so that the text goes on from it: a decoder that starts anew drops the space
    // before its first word.
    decoders.emplace_back(tokenizer);
    for (const std::int32_t id : ids.back()) decoders.back().push(id);
  }
  GenerateOptions with_stops = options;
  const std::vector<std::int32_t> publisher = stop_ids(engine);
  with_stops.stop_ids.insert(with_stops.stop_ids.end(), publisher.begin(), publisher.end());

  std::vector<std::string> texts(prompts.size());
  const auto emit = [&](std::size_t user, const std::string& piece) {
    if (piece.empty()) return;
    texts[user] += piece;
    if (on_text) on_text(static_cast<int>(user), piece);
  };
  Generation result = generate_ids(engine.session(), engine.model(), ids, with_stops, [&](int user, std::int32_t id) {
    const auto index = static_cast<std::size_t>(user);
    emit(index, decoders[index].push(id));
  });
  for (std::size_t user = 0; user < prompts.size(); ++user) {
    emit(user, decoders[user].finish());
    result.users[user].text = std::move(texts[user]);
  }
  return result;
}

std::vector<std::int32_t> stop_ids(Engine& engine) {
  const std::int64_t vocab_size = engine.model().description().vocab_size;
  std::set<std::int32_t> ids;
  const std::filesystem::path file = engine.folder() / "generation_config.json";
  if (std::filesystem::exists(file)) add_ids(io::load_generation_config(file).eos_token_ids, vocab_size, ids);
  if (engine.config().has("eos_token_id")) {
    add_ids(engine.config().one_or_more_integers("eos_token_id"), vocab_size, ids);
  }
  if (engine.has_tokenizer()) {
    if (const auto eos = engine.tokenizer().eos_id()) add_ids({*eos}, vocab_size, ids);
  }
  return {ids.begin(), ids.end()};
}

}  // namespace firstlight::pipeline
