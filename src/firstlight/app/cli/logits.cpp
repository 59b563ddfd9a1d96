// `firstlight logits`: one f32 tensor [T, V] for token ids, all positions, under the declared length T.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "firstlight/app/cli/flags.h"
#include "firstlight/app/cli/ids.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/base/progress.h"
#include "firstlight/io/safetensors.h"

namespace firstlight::app {
namespace {

struct LogitsFlags {
  ModelFlags model;
  DeviceFlags device;
  OutputFlags output;
  std::filesystem::path ids;
  std::filesystem::path out;
  std::int64_t chunk = 512;
};

int run_logits(LogitsFlags& flags) {
  flags.model.check_folder();
  const std::vector<std::int32_t> ids = read_ids(flags.ids);
  const auto device = flags.device.open_computing();
  pipeline::Engine engine = flags.model.load(*device);
  const std::int64_t vocabulary = engine.model().description().vocab_size;
  check_ids(flags.ids, ids, vocabulary);
  const auto count = static_cast<std::int64_t>(ids.size());

  nn::StateOptions options;
  options.max_length = count;
  options.declared_length = count;
  const auto state = engine.model().new_state(engine.session(), options);
  // Written chunk by chunk: T x V floats may be more than memory holds.
  io::SafetensorsWriter writer(
      flags.out, {{"logits", Format::f32, Shape{count, vocabulary}}},
      {{"model", engine.name()}, {"device", flags.device.device}, {"policy", engine.session().policy().name()}});
  const std::int64_t chunk = flags.chunk == 0 ? count : flags.chunk;
  {
    Progress progress("logits", count, "tokens");
    for (std::int64_t begin = 0; begin < count; begin += chunk) {
      const std::int64_t length = std::min(chunk, count - begin);
      const HostTensor rows = pipeline::prefill(
          engine.session(), engine.model(), *state, 0,
          std::span(ids).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(length)), 0, true);
      writer.write("logits", std::as_bytes(rows.f32()));
      progress.set(begin + length);
    }
  }
  writer.finish();
  if (flags.output.json)
    print_json({{"model", engine.name()},
                {"device", device->description().summary},
                {"policy", engine.session().policy().name()},
                {"shape", {count, vocabulary}},
                {"out", flags.out.string()}});
  else
    fmt::print("{}: logits f32 [{}, {}] of {} on {} under {}\n", flags.out.string(), count, vocabulary, engine.name(),
               flags.device.device, engine.session().policy().name());
  return 0;
}

}  // namespace

Action declare_logits(CLI::App& command) {
  const auto flags = std::make_shared<LogitsFlags>();
  flags->model.policy = "f32";
  add_model_flags(command, flags->model);
  command.add_option("--ids", flags->ids, "JSON file: a list of token ids, such as [1, 306, 471]")
      ->type_name("FILE")
      ->required();
  command.add_option("-o,--out", flags->out, "The .safetensors to write: one tensor 'logits', f32 [T, V]")
      ->type_name("FILE")
      ->required();
  command.add_option("--chunk", flags->chunk, "Tokens computed at once; 0 = all (the result is the same)")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(0));
  add_policy_flag(command, flags->model.policy);
  add_device_flags(command, flags->device);
  add_emulation_flags(command, flags->device);
  add_output_flags(command, flags->output);
  add_examples(command,
               {"firstlight logits MODEL --ids ids.json --out logits.safetensors",
                fmt::format("firstlight logits MODEL --ids ids.json --device {} --policy bf16 --out l.safetensors",
                            device::reference_device())});
  return [flags](const Invocation&) { return run_logits(*flags); };
}

}  // namespace firstlight::app
