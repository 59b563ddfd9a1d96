// `firstlight reference`: a capsule or a .refpt of a text, made on the reference device.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "firstlight/app/cli/flags.h"
#include "firstlight/app/cli/ids.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/base/error.h"
#include "firstlight/harness/capsule.h"

namespace firstlight::app {
namespace {

struct ReferenceFlags {
  ModelFlags model;
  DeviceFlags device;
  OutputFlags output;
  std::int64_t tokens = 1024;
  std::filesystem::path text;
  std::filesystem::path ids;
  int samples = 4;
  std::filesystem::path out;
  std::filesystem::path refpt;
};

int run_reference(ReferenceFlags& flags) {
  if (flags.out.empty() && flags.refpt.empty())
    fail(Category::kUsage, "reference", "nothing to write: give --out FILE.safetensors, --refpt FILE.refpt, or both");
  flags.model.check_folder();
  std::vector<std::int32_t> ids;
  if (!flags.ids.empty()) ids = read_ids(flags.ids);
  flags.device.device = device::reference_device();
  const auto device = flags.device.open();
  pipeline::Engine engine = flags.model.load(*device, "f32");
  if (flags.ids.empty())
    ids = harness::accuracy_ids(engine, flags.text, flags.tokens);
  else
    check_ids(flags.ids, ids, engine.model().description().vocab_size);
  if (ids.size() < 2) fail(Category::kBadInput, flags.ids.string(), "a reference needs at least two tokens");

  const harness::Capsule capsule = harness::make_capsule(engine, ids, flags.samples);
  if (!flags.out.empty()) harness::save_capsule(capsule, flags.out);
  if (!flags.refpt.empty()) harness::save_refpt(capsule, flags.refpt);
  if (flags.output.json) {
    print_json({{"model", engine.name()},
                {"origin", capsule.origin},
                {"independent", capsule.independent},
                {"tokens", capsule.ids.size()},
                {"sampled_positions", capsule.sampled_positions},
                {"components", capsule.activations.size()},
                {"out", flags.out.string()},
                {"refpt", flags.refpt.string()}});
    return 0;
  }
  fmt::print("{} tokens, top-5 of each; logits and {} components at {} positions\norigin  {}\n", capsule.ids.size(),
             capsule.activations.size(), capsule.sampled_positions.size(), capsule.origin);
  if (!flags.out.empty()) fmt::print("capsule {}\n", flags.out.string());
  if (!flags.refpt.empty()) fmt::print(".refpt  {}\n", flags.refpt.string());
  return 0;
}

}  // namespace

Action declare_reference(CLI::App& command) {
  const auto flags = std::make_shared<ReferenceFlags>();
  add_model_flags(command, flags->model);
  command.add_option("--tokens", flags->tokens, "Tokens of the text that are used")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(2));
  auto* text = command.add_option("--text", flags->text, "UTF-8 text [models/eval beside the model, or the project's]")
                   ->type_name("FILE")
                   ->check(existing_file());
  command.add_option("--ids", flags->ids, "JSON list of token ids instead of a text; all are used")
      ->type_name("FILE")
      ->excludes(text);
  command.add_option("--samples", flags->samples, "Positions that keep full logits and every component's output")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(0, 4096));
  command.add_option("-o,--out", flags->out, "Capsule to write")->type_name("FILE");
  command.add_option("--refpt", flags->refpt, "Reference file of the Tenstorrent stack's CI to write")
      ->type_name("FILE");
  add_threads_flag(command, flags->device.threads);
  add_output_flags(command, flags->output);
  add_examples(command, {"firstlight reference MODEL --out reference.safetensors",
                         "firstlight reference MODEL --tokens 1024 --refpt MODEL.refpt"});
  return [flags](const Invocation&) { return run_reference(*flags); };
}

}  // namespace firstlight::app
