// Text after text: prompts of up to 32 users in, their continuations out, with the time of every token.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/pipeline/engine.h"
#include "firstlight/pipeline/sampler.h"

namespace firstlight::pipeline {

constexpr int kMaxUsers = 32;

struct GenerateOptions {
  std::int64_t max_new_tokens = 128;
  // The total length that a user's length-dependent positions are fixed to; 0 = its prompt + max_new_tokens. A text
  // that outgrows it is computed anew under a longer one.
  std::int64_t context_size = 0;
  std::int64_t chunk = 512;  // rows of a prefill call
  SamplingOptions sampling = {};
  // Any of them ends a text and is not part of it. For texts, those of stop_ids(engine) are added.
  std::vector<std::int32_t> stop_ids = {};
  bool ignore_stops = false;     // --ignore-eos: always max_new_tokens
  std::uint64_t first_user = 0;  // the number that sampling knows the first prompt by; the others follow
  int page_size = 32;
  std::uint64_t page_seed = 0;
};

enum class Finish : std::uint8_t { kStop, kLength };

using Duration = std::chrono::duration<double, std::milli>;

struct GeneratedUser {
  std::int64_t prompt_tokens = 0;
  std::vector<std::int32_t> ids;  // without the stop token
  std::string text;               // what `ids` add to the prompt's text; empty where no tokenizer took part
  Finish finish = Finish::kLength;
  Duration prefill{0};              // of this user's own prompt
  Duration time_to_first_token{0};  // from the start of the call: prompts are fed one after the other
};

// One decode call of all users that had not finished.
struct DecodeStep {
  int users = 0;
  Duration duration{0};  // logits and sampling
};

struct Generation {
  std::vector<GeneratedUser> users;
  std::vector<DecodeStep> steps;
  std::int64_t rebuilds = 0;  // how often a text outgrew its declared length
};

// Gets each token as it is drawn.
using IdCallback = std::function<void(int user, std::int32_t id)>;
// Gets text as it becomes certain; the pieces of a user add up to its text.
using TextCallback = std::function<void(int user, std::string_view piece)>;

// Throws kUsage for options or a number of users out of range, kBadInput for an empty prompt or an unknown id.
Generation generate_ids(run::Session& session, const model::Model& model,
                        const std::vector<std::vector<std::int32_t>>& prompts, const GenerateOptions& options,
                        const IdCallback& on_id = nullptr);

// The same with text, through the engine's tokenizer.
Generation generate(Engine& engine, const std::vector<std::string>& prompts, const GenerateOptions& options,
                    const TextCallback& on_text = nullptr);

// What ends a text: the end tokens of generation_config.json, of config.json, and the tokenizer's.
std::vector<std::int32_t> stop_ids(Engine& engine);

}  // namespace firstlight::pipeline
