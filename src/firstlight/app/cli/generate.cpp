// `firstlight generate`: text from prompts, streamed for one user.
#include "firstlight/pipeline/generate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "firstlight/app/cli/flags.h"
#include "firstlight/app/cli/ids.h"
#include "firstlight/app/cli/prompts.h"
#include "firstlight/app/cli/sampling.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/base/error.h"

namespace firstlight::app {
namespace {

struct GenerateFlags {
  ModelFlags model;
  DeviceFlags device;
  OutputFlags output;
  pipeline::GenerateOptions options;
  std::optional<std::string> prompt;
  std::filesystem::path prompt_file;
  std::filesystem::path ids;
  int batch = 0;  // 0: one user a prompt
};

// Users of a call: prompts are dealt to them in turn.
template <typename T>
std::vector<T> deal(const std::vector<T>& prompts, int batch) {
  const std::size_t users = batch > 0 ? static_cast<std::size_t>(batch) : prompts.size();
  if (users < prompts.size())
    fail(Category::kUsage, "--batch", "{} users cannot take {} prompts; give at least as many", users, prompts.size());
  if (users > pipeline::kMaxUsers)
    fail(Category::kUsage, batch > 0 ? "--batch" : "--prompt-file", "{} users; at most {} run together", users,
         pipeline::kMaxUsers);
  std::vector<T> dealt;
  for (std::size_t user = 0; user < users; ++user) dealt.push_back(prompts[user % prompts.size()]);
  return dealt;
}

struct Speed {
  double seconds = 0;  // of all decode steps
  std::int64_t tokens = 0;
  double per_user = 0;  // t/s/u
  double total = 0;     // t/s

  explicit Speed(const pipeline::Generation& generation) {
    for (const pipeline::DecodeStep& step : generation.steps) {
      seconds += step.duration.count() / 1e3;
      tokens += step.users;
    }
    if (seconds <= 0) return;
    per_user = static_cast<double>(generation.steps.size()) / seconds;
    total = static_cast<double>(tokens) / seconds;
  }
};

std::string_view finish_name(pipeline::Finish finish) { return finish == pipeline::Finish::kStop ? "stop" : "length"; }

void print_timings(const pipeline::Generation& generation) {
  std::int64_t prompt_tokens = 0;
  double prefill_ms = 0;
  double first_ms = 0;
  for (const pipeline::GeneratedUser& user : generation.users) {
    prompt_tokens += user.prompt_tokens;
    prefill_ms += user.prefill.count();
    first_ms = std::max(first_ms, user.time_to_first_token.count());
  }
  const Speed speed(generation);
  fmt::print(stderr, "prompt {} tokens, {:.4g} t/s, TTFT {:.3g} ms", prompt_tokens,
             prefill_ms > 0 ? 1e3 * static_cast<double>(prompt_tokens) / prefill_ms : 0, first_ms);
  if (!generation.steps.empty())
    fmt::print(stderr, "; {} user{}, {} steps: {:.4g} t/s/u, {:.4g} t/s", generation.users.size(),
               generation.users.size() == 1 ? "" : "s", generation.steps.size(), speed.per_user, speed.total);
  if (generation.users.size() == 1) fmt::print(stderr, "; ended by {}", finish_name(generation.users[0].finish));
  if (generation.rebuilds > 0) fmt::print(stderr, "; cache rebuilt {} times (see --ctx-size)", generation.rebuilds);
  fmt::print(stderr, "\n");
}

Json record(const pipeline::Generation& generation, const GenerateFlags& flags, const std::string& device,
            const std::vector<std::string>& prompts, const std::vector<std::vector<std::int32_t>>& id_prompts) {
  Json users = Json::array();
  for (std::size_t i = 0; i < generation.users.size(); ++i) {
    const pipeline::GeneratedUser& user = generation.users[i];
    Json line = {{"user", i}, {"prompt_tokens", user.prompt_tokens}};
    if (prompts.empty())
      line["prompt_ids"] = id_prompts[i];
    else
      line["prompt"] = prompts[i];
    line["ids"] = user.ids;
    if (!prompts.empty()) line["text"] = user.text;
    line["finish"] = finish_name(user.finish);
    line["prefill_ms"] = user.prefill.count();
    line["time_to_first_token_ms"] = user.time_to_first_token.count();
    users.push_back(std::move(line));
  }
  std::vector<double> steps;
  for (const pipeline::DecodeStep& step : generation.steps) steps.push_back(step.duration.count());
  const Speed speed(generation);
  return {{"model", flags.model.folder.string()},
          {"device", device},
          {"policy", flags.model.policy},
          {"options", sampling_json(flags.options)},
          {"users", std::move(users)},
          {"step_ms", steps},
          {"tokens_per_s_per_user", speed.per_user},
          {"tokens_per_s", speed.total},
          {"rebuilds", generation.rebuilds}};
}

int run_generate(GenerateFlags& flags) {
  const int given = (flags.prompt ? 1 : 0) + (flags.prompt_file.empty() ? 0 : 1) + (flags.ids.empty() ? 0 : 1);
  if (given != 1) fail(Category::kUsage, "generate", "give one of --prompt TEXT, --prompt-file FILE, --ids FILE");
  pipeline::check_sampling(flags.options.sampling);
  flags.model.check_folder();
  std::vector<std::string> prompts;
  std::vector<std::vector<std::int32_t>> id_prompts;
  if (!flags.ids.empty())
    id_prompts = deal(std::vector<std::vector<std::int32_t>>(1, read_ids(flags.ids)), flags.batch);
  else
    prompts = deal(flags.prompt ? std::vector{*flags.prompt} : read_prompts(flags.prompt_file), flags.batch);

  const auto device = flags.device.open_computing();
  pipeline::Engine engine = flags.model.load(*device);
  const bool one = prompts.size() == 1 && !flags.output.json;
  const auto stream = [](int, std::string_view piece) {
    fmt::print("{}", piece);
    std::fflush(stdout);
  };
  pipeline::Generation generation;
  if (prompts.empty()) {
    if (const auto stops = pipeline::stop_ids(engine); !stops.empty()) flags.options.stop_ids = stops;
    generation = pipeline::generate_ids(engine.session(), engine.model(), id_prompts, flags.options);
  } else {
    generation = pipeline::generate(engine, prompts, flags.options, one ? pipeline::TextCallback(stream) : nullptr);
  }

  if (flags.output.json) {
    print_json(record(generation, flags, device->description().summary, prompts, id_prompts));
  } else if (one) {
    fmt::print("\n");
  } else {
    for (std::size_t user = 0; user < generation.users.size(); ++user) {
      if (prompts.empty())
        fmt::print("[{}]\n", fmt::join(generation.users[user].ids, ", "));
      else
        fmt::print("--- user {}: {}\n{}\n", user, prompts[user], generation.users[user].text);
    }
  }
  std::fflush(stdout);
  if (!flags.output.quiet) print_timings(generation);
  return 0;
}

}  // namespace

Action declare_generate(CLI::App& command) {
  const auto flags = std::make_shared<GenerateFlags>();
  add_model_flags(command, flags->model);
  command.add_option("-p,--prompt", flags->prompt, "The prompt")->type_name("TEXT");
  command
      .add_option("-f,--prompt-file", flags->prompt_file,
                  "One prompt as text (- = stdin), or *.json: a list of prompts, one user each")
      ->type_name("FILE");
  command.add_option("--ids", flags->ids, "JSON list of token ids instead of a text; ids come out")->type_name("FILE");
  command
      .add_option("-b,--batch", flags->batch, "Users that run together; prompts are dealt in turn; 0 = one a prompt")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(0, pipeline::kMaxUsers));
  add_sampling_flags(command, flags->options);
  command.add_flag("--ignore-eos", flags->options.ignore_stops, "Go on after the end token, to --max-new-tokens");
  add_policy_flag(command, flags->model.policy);
  add_device_flags(command, flags->device);
  add_emulation_flags(command, flags->device);
  add_output_flags(command, flags->output);
  add_examples(command, {"firstlight generate MODEL --prompt \"It was the best of times\" --max-new-tokens 60",
                         "firstlight generate MODEL --prompt-file prompts.json --temperature 0.8 --top-p 0.95 --seed 7",
                         "firstlight generate MODEL --prompt Once --batch 32 --ignore-eos --json"});
  return [flags](const Invocation&) { return run_generate(*flags); };
}

}  // namespace firstlight::app
