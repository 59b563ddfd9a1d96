// `firstlight chat`: lines in, replies out.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>

#include "firstlight/app/cli/conversation.h"
#include "firstlight/app/cli/flags.h"
#include "firstlight/app/cli/sampling.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/base/error.h"

namespace firstlight::app {
namespace {

struct ChatFlags {
  ModelFlags model;
  DeviceFlags device;
  OutputFlags output;
  pipeline::GenerateOptions options;
  std::string system;
  std::string prompt;
};

volatile std::sig_atomic_t interrupted = 0;

// While it lives, Ctrl-C ends the reply; otherwise it ends the program.
class InterruptsReply {
 public:
  InterruptsReply() {
    interrupted = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = 1; };
    sigaction(SIGINT, &action, &before_);
  }
  ~InterruptsReply() { sigaction(SIGINT, &before_, nullptr); }
  InterruptsReply(const InterruptsReply&) = delete;
  InterruptsReply& operator=(const InterruptsReply&) = delete;

 private:
  struct sigaction before_ {};
};

Json turn_json(const Turn& turn) {
  return {{"text", turn.text},
          {"ids", turn.ids},
          {"finish", turn.finish},
          {"prompt_tokens", turn.prompt_tokens},
          {"reused_tokens", turn.reused_tokens},
          {"time_to_first_token_ms", turn.time_to_first_token_ms},
          {"tokens_per_s", turn.tokens_per_s}};
}

void take_turn(Conversation& conversation, const std::string& message, const OutputFlags& output) {
  const InterruptsReply guard;
  const auto stream = [&](std::string_view piece) {
    if (output.json) return;
    fmt::print("{}", piece);
    std::fflush(stdout);
  };
  const Turn turn = conversation.reply(message, stream, [] { return interrupted != 0; });
  if (output.json) {
    print_json_line(turn_json(turn));
  } else {
    fmt::print("\n");
    std::fflush(stdout);
  }
  if (!output.quiet)
    fmt::print(stderr, "[{} prompt tokens, {} from the cache; TTFT {:.3g} ms; {} tokens, {:.4g} t/s; ended by {}]\n",
               turn.prompt_tokens, turn.reused_tokens, turn.time_to_first_token_ms, turn.ids.size(), turn.tokens_per_s,
               turn.finish);
}

int run_chat(ChatFlags& flags) {
  flags.model.check_folder();
  pipeline::check_sampling(flags.options.sampling);
  if (!text::ChatTemplate::exists(flags.model.folder))
    fail(Category::kBadInput, flags.model.folder.string(),
         "has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json); `firstlight generate` "
         "needs none");
  const auto device = flags.device.open_computing();
  pipeline::Engine engine = flags.model.load(*device);
  Conversation conversation(engine, flags.options, flags.system);
  if (!flags.prompt.empty()) {
    take_turn(conversation, flags.prompt, flags.output);
    return 0;
  }
  const bool person = ::isatty(STDIN_FILENO) != 0 && !flags.output.quiet;
  if (person)
    fmt::print(stderr, "{} on {}; /reset forgets, /exit ends, Ctrl-C ends a reply\n", engine.name(),
               flags.device.device);
  while (true) {
    if (person) fmt::print(stderr, "> ");
    std::string line;
    if (!std::getline(std::cin, line)) break;
    if (line.ends_with('\r')) line.pop_back();
    if (line == "/exit") break;
    if (line == "/reset")
      conversation.reset();
    else if (!line.empty())
      take_turn(conversation, line, flags.output);
  }
  return 0;
}

}  // namespace

Action declare_chat(CLI::App& command) {
  const auto flags = std::make_shared<ChatFlags>();
  flags->options.max_new_tokens = 512;
  add_model_flags(command, flags->model);
  command.add_option("--system", flags->system, "System message")->type_name("TEXT");
  command.add_option("-p,--prompt", flags->prompt, "One message, its reply, and the end; without it, lines from stdin")
      ->type_name("TEXT");
  add_sampling_flags(command, flags->options);
  command.add_flag("--ignore-eos", flags->options.ignore_stops, "Go on after the end token, to --max-new-tokens");
  add_policy_flag(command, flags->model.policy);
  add_device_flags(command, flags->device);
  add_output_flags(command, flags->output);
  add_examples(command,
               {"firstlight chat MODEL", "firstlight chat MODEL --system \"Answer briefly.\" --temperature 0.7",
                "firstlight chat MODEL --prompt \"Who are you?\" --json"});
  return [flags](const Invocation&) { return run_chat(*flags); };
}

}  // namespace firstlight::app
