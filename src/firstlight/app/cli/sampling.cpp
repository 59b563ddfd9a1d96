// The sampling flags and their bounds.
#include "firstlight/app/cli/sampling.h"

#include "firstlight/app/cli/flags.h"

namespace firstlight::app {

void add_sampling_flags(CLI::App& command, pipeline::GenerateOptions& options) {
  const auto add = [&](const char* names, auto& value, const char* help, const char* type) {
    return command.add_option(names, value, help)->type_name(type)->capture_default_str();
  };
  add("-n,--max-new-tokens", options.max_new_tokens, "Tokens to generate at most", "N")->check(between(1));
  add("--temperature,--temp", options.sampling.temperature, "Sampling temperature; 0 = always the likeliest token", "X")
      ->check(between(0, 1000));
  add("--top-k", options.sampling.top_k, "Draw from the K likeliest tokens; 0 = all", "K")->check(between(0));
  add("--top-p", options.sampling.top_p, "Draw from the likeliest tokens that add up to P", "P")->check(between(0, 1));
  add("-s,--seed", options.sampling.seed, "Seed; the same seed gives the same text in any batch", "N");
  add("-c,--ctx-size", options.context_size,
      "Total length that length-dependent positions are fixed to, in tokens; 0 = prompt + new tokens", "N")
      ->check(between(0));
  add("--chunk", options.chunk, "Prompt tokens computed at once; 0 = all (the result is the same)", "N")
      ->check(between(0));
}

Json sampling_json(const pipeline::GenerateOptions& options) {
  return {{"max_new_tokens", options.max_new_tokens},
          {"temperature", options.sampling.temperature},
          {"top_k", options.sampling.top_k},
          {"top_p", options.sampling.top_p},
          {"seed", options.sampling.seed},
          {"ctx_size", options.context_size},
          {"ignore_eos", options.ignore_stops}};
}

}  // namespace firstlight::app
