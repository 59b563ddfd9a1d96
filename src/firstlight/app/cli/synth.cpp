// `firstlight synth`: random weights at the dimensions of a config.
#include "firstlight/harness/synth.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <utility>

#include "firstlight/app/cli/flags.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/base/error.h"

namespace firstlight::app {
namespace {

struct SynthFlags {
  std::filesystem::path config;
  std::filesystem::path out;
  std::filesystem::path tokenizer;
  std::string dtype = "bf16";
  std::string max_shard_size = "5GB";
  std::uint64_t seed = 0;
  int threads = 0;
  OutputFlags output;
};

// "2GB" is 2 * 10^9 bytes as Hugging Face counts, "2GiB" 2 * 2^30; a bare number is bytes.
std::uint64_t parse_size(const std::string& text) {
  constexpr std::pair<std::string_view, std::uint64_t> kUnits[] = {
      {"", 1},
      {"B", 1},
      {"KB", 1'000},
      {"MB", 1'000'000},
      {"GB", 1'000'000'000},
      {"TB", 1'000'000'000'000},
      {"KiB", 1ULL << 10},
      {"MiB", 1ULL << 20},
      {"GiB", 1ULL << 30},
      {"TiB", 1ULL << 40},
  };
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  std::uint64_t bytes = 0;
  for (const auto& [name, size] : kUnits)
    if (failed == std::errc() && unit == name && !__builtin_mul_overflow(number, size, &bytes) && bytes > 0)
      return bytes;
  fail(Category::kUsage, "--max-shard-size", "'{}' is not a size such as 5GB, 500MB or 2GiB", text);
}

int run_synth(const SynthFlags& flags) {
  std::error_code error;
  if (!std::filesystem::exists(flags.config, error))
    fail(Category::kBadInput, flags.config.string(), "no such file; expected a config.json or the folder of one");
  harness::SynthOptions options;
  options.seed = flags.seed;
  options.max_shard_bytes = parse_size(flags.max_shard_size);
  const auto format = find_format(flags.dtype);
  if (!format || !row(*format).is_float || row(*format).block_elements != 1)
    fail(Category::kUsage, "--dtype", "'{}' is not one of f32, f16, bf16, f64", flags.dtype);
  options.format = *format;
  if (!flags.tokenizer.empty()) options.tokenizer = flags.tokenizer;
  Executor executor(flags.threads > 0 ? flags.threads : available_cores());
  const harness::SynthResult result = harness::synthesize(flags.config, flags.out, options, executor);
  if (flags.output.json) {
    print_json({{"out", flags.out.string()},
                {"model_type", result.model_type},
                {"seed", options.seed},
                {"dtype", flags.dtype},
                {"tensors", result.tensors},
                {"parameters", result.parameters},
                {"bytes", result.bytes},
                {"files", result.files},
                {"unread_fields", result.unread_fields}});
    return 0;
  }
  fmt::print("{}: {} with random weights of seed {}: {} parameters in {} tensors, {} of {}\n", flags.out.string(),
             result.model_type, options.seed, human_count(result.parameters), result.tensors,
             human_bytes(static_cast<double>(result.bytes)), flags.dtype);
  if (!result.unread_fields.empty())
    fmt::print("  unread fields of the config: {} (loading needs --waive for each)\n",
               fmt::join(result.unread_fields, ", "));
  return 0;
}

}  // namespace

Action declare_synth(CLI::App& command) {
  const auto flags = std::make_shared<SynthFlags>();
  command.add_option("CONFIG", flags->config, "A config.json, or a folder that has one")->type_name("")->required();
  command.add_option("-o,--out", flags->out, "The folder to write; it must be absent or empty")
      ->type_name("DIR")
      ->required();
  command.add_option("--seed", flags->seed, "The weights are a function of it, whatever the threads")
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--dtype", flags->dtype, "Stored as bf16, f16, f32 or f64")
      ->type_name("NAME")
      ->capture_default_str();
  command.add_option("--max-shard-size", flags->max_shard_size, "Of one safetensors file: 500MB, 2GiB")
      ->type_name("SIZE")
      ->capture_default_str();
  command.add_option("--tokenizer", flags->tokenizer, "A folder whose tokenizer is copied")->type_name("DIR");
  add_threads_flag(command, flags->threads);
  add_output_flags(command, flags->output);
  add_examples(command, {"firstlight synth config.json --out /tmp/synth --seed 1",
                         "firstlight synth config.json --out big --seed 1 --max-shard-size 2GB --tokenizer MODEL"});
  return [flags](const Invocation&) { return run_synth(*flags); };
}

}  // namespace firstlight::app
