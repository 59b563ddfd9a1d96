// The shared flags: names, defaults and help texts, with lists taken from the lists themselves.
#include "firstlight/app/cli/flags.h"

#include <fmt/ranges.h>

#include "firstlight/base/error.h"
#include "firstlight/base/progress.h"
#include "firstlight/harness/boards.h"
#include "firstlight/run/policy.h"

namespace firstlight::app {
namespace {

constexpr int kMostThreads = 1024;

std::string device_names() {
  std::vector<std::string_view> names;
  for (const device::DeviceRow& row : device::devices()) names.push_back(row.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

// The names in policies/, or nothing where the data folder is missing: help must work without it.
std::string policy_names_text() {
  try {
    return fmt::format("{}", fmt::join(run::policy_names(), ", "));
  } catch (const Error&) {
    return "a name in policies/";
  }
}

}  // namespace

std::unique_ptr<device::Device> DeviceFlags::open(std::string_view name, int other_threads) const {
  device::OpenOptions options;
  options.threads = other_threads > 0 ? other_threads : threads;
  if (name == device) {
    options.isa = isa;
    options.emulation = emulation;
    if (!board.empty()) options.arch = harness::load_board(board).arch;
  }
  return device::open_device(name, options);
}

std::unique_ptr<device::Device> DeviceFlags::open_computing() const {
  auto opened = open();
  if (!opened->capabilities().computes)
    fail(Category::kUnsupported, "--device", "'{}' computes nothing, it only counts; this verb needs results", device);
  return opened;
}

pipeline::EngineOptions ModelFlags::engine_options(std::string_view other_policy) const {
  pipeline::EngineOptions options;
  options.policy = other_policy.empty() ? policy : std::string(other_policy);
  options.cache_dir = cache_dir;
  options.waivers = waivers;
  return options;
}

void ModelFlags::check_folder() const {
  std::error_code error;
  const auto status = std::filesystem::status(folder, error);
  if (!std::filesystem::exists(status))
    fail(Category::kBadInput, folder.string(), "no such folder; expected a checkpoint: config.json and *.safetensors");
  if (!std::filesystem::is_directory(status))
    fail(Category::kBadInput, folder.string(), "is not a folder; expected a checkpoint: config.json and *.safetensors");
  if (!std::filesystem::exists(folder / "config.json", error))
    fail(Category::kBadInput, folder.string(), "has no config.json; expected a checkpoint of Hugging Face's layout");
}

pipeline::Engine ModelFlags::load(device::Device& device, std::string_view other_policy) const {
  check_folder();
  return pipeline::Engine(folder, device, engine_options(other_policy));
}

void add_output_flags(CLI::App& command, OutputFlags& flags) {
  command.add_flag("--json", flags.json, "Print the result as JSON on stdout");
  command.add_flag_callback(
      "-q,--quiet",
      [&flags] {
        flags.quiet = true;
        Progress::set_quiet(true);
      },
      "No progress on stderr");
}

void add_threads_flag(CLI::App& command, int& threads) {
  command.add_option("-t,--threads", threads, "Threads of the host; 0 = every core this process may use")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(0, kMostThreads));
}

void add_device_flags(CLI::App& command, DeviceFlags& flags) {
  command.add_option("-d,--device", flags.device, fmt::format("Device: {}", device_names()))
      ->type_name("NAME")
      ->capture_default_str();
  command
      .add_option("--isa", flags.isa, "Kernel table of the device; by default the best this machine has (see doctor)")
      ->type_name("NAME");
  add_threads_flag(command, flags.threads);
}

void add_emulation_flags(CLI::App& command, DeviceFlags& flags) {
  command
      .add_option("--board", flags.board, "Board whose chip is emulated, where the device is one (see: list boards)")
      ->type_name("NAME");
  command
      .add_option("--emulation", flags.emulation,
                  "Emulation of the chip: exact (the default), bit by bit, or fast, truncated operands in fp32")
      ->type_name("LEVEL");
}

void add_policy_flag(CLI::App& command, std::string& policy) {
  command
      .add_option("--policy", policy,
                  fmt::format("Precision: {}, a JSON file, or \"precision_cfg = {{...}}\"", policy_names_text()))
      ->type_name("NAME|FILE")
      ->capture_default_str();
}

void add_model_flags(CLI::App& command, ModelFlags& flags) {
  command.add_option("MODEL", flags.folder, "Checkpoint folder: config.json, *.safetensors, tokenizer.json")
      ->type_name("")
      ->required();
  command
      .add_option(
          "--cache-dir", flags.cache_dir,
          "Weight cache; none = no cache [$FIRSTLIGHT_CACHE, else $XDG_CACHE_HOME/firstlight or ~/.cache/firstlight]")
      ->type_name("DIR");
  command
      .add_option("--waive", flags.waivers,
                  "A tensor or config field (or a pattern) that may stay unread; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
}

CLI::Validator between(double low, double high) {
  // Without a description: help would repeat the bounds at every flag.
  return CLI::Validator(
      [=](std::string& text) -> std::string {
        double value = 0;
        if (!CLI::detail::lexical_cast(text, value)) return fmt::format("'{}' is not a number", text);
        if (value >= low && value <= high) return "";
        if (value < low && high >= 2147483648.0) return fmt::format("{} is below {}", text, low);
        return fmt::format("{} is not between {} and {}", text, low, high);
      },
      "");
}

CLI::Validator existing_file() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        std::error_code error;
        // A missing input is bad input (3), not a wrong flag (2).
        if (!std::filesystem::exists(text, error)) fail(Category::kBadInput, text, "no such file");
        if (std::filesystem::is_directory(text, error)) fail(Category::kBadInput, text, "is a folder; expected a file");
        return "";
      },
      "");
}

void add_examples(CLI::App& command, const std::vector<std::string>& examples) {
  command.footer(
      fmt::format("\nExamples:\n  {}\n\nExit codes:\n  0 ok, 1 failed verdict, 2 usage, 3 bad input, 4 unsupported, "
                  "5 mismatch, 6 resource, 7 internal",
                  fmt::join(examples, "\n  ")));
}

}  // namespace firstlight::app
