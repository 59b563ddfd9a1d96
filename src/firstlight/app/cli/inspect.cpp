// `firstlight inspect`: what a config.json alone tells.
#include "firstlight/harness/inspect.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "firstlight/app/cli/flags.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/base/error.h"

namespace firstlight::app {
namespace {

struct InspectFlags {
  std::filesystem::path path;
  harness::InspectOptions options;
  OutputFlags output;
};

void print_model(const harness::Inspection& inspection) {
  const model::Description& d = *inspection.description;
  fmt::print("{}: {} ({}), {} parameters\n\n", inspection.name, inspection.model_type, d.architecture,
             human_count(inspection.parameters));
  Table table({"", "", ""});
  const auto add = [&](const char* name, const std::string& value) { table.add({"", name, value}); };
  add("layers", std::to_string(d.layers));
  add("hidden size", std::to_string(d.hidden_size));
  add("intermediate size", std::to_string(d.intermediate_size));
  add("heads", fmt::format("{} of {}, {} KV", d.heads, d.head_dim, d.kv_heads));
  add("vocabulary", fmt::format("{}{}", d.vocab_size, d.tied_embeddings ? ", embedding and head tied" : ""));
  add("positions", std::to_string(d.max_positions));
  add("features", d.features.empty() ? "none beyond the family's" : fmt::format("{}", fmt::join(d.features, ", ")));
  add("nearest", fmt::format("{}", fmt::join(inspection.nearest, ", ")));
  if (!inspection.unread_fields.empty())
    add("unread fields", fmt::format("{} (loading needs --waive for each)", fmt::join(inspection.unread_fields, ", ")));
  if (!inspection.unplaced_tensors.empty())
    add("unplaced tensors", fmt::format("{} (loading needs --waive)", fmt::join(inspection.unplaced_tensors, ", ")));
  fmt::print("{}", table.str());
}

void print_alignment(const harness::Inspection& inspection) {
  if (inspection.alignment.empty()) {
    fmt::print("\nTile alignment: every dimension is a multiple of 32\n");
    return;
  }
  fmt::print("\nTile alignment (32x32)\n");
  Table table({"", "dimension", "value", "padded", "note"});
  for (const auto& note : inspection.alignment)
    table.add({"", note.what, std::to_string(note.value), std::to_string(note.padded), note.note});
  fmt::print("{}", table.str());
}

void print_memory(const harness::Inspection& inspection) {
  const harness::ByteLedger& ledger = *inspection.ledger;
  fmt::print("\nBytes under {} (context {}, batch {}, tiles padded)\n", ledger.policy, ledger.context, ledger.batch);
  Table bytes({"", "group", "format", "tensors", "parameters", "stored", "read per step"});
  for (const harness::ByteLine& line : ledger.lines)
    bytes.add({"", line.name, line.format, line.tensors == 0 ? "" : std::to_string(line.tensors),
               line.parameters == 0 ? "" : human_count(line.parameters), human_bytes(line.stored_bytes),
               human_bytes(line.bytes_per_step)});
  bytes.add({"", "total", "", "", human_count(ledger.parameters), human_bytes(ledger.weight_bytes + ledger.state_bytes),
             human_bytes(ledger.bytes_per_step)});
  fmt::print("{}", bytes.str());
  fmt::print("  weights: {:.1f} % of float32, {:.1f} % of bfloat16\n",
             100 * ledger.weight_bytes / ledger.f32_weight_bytes,
             100 * ledger.weight_bytes / ledger.source_weight_bytes);

  fmt::print("\nMemory of one user\n");
  Table memory({"", "context", "weights", "KV cache", "total"});
  for (const harness::MemoryLine& line : inspection.memory)
    memory.add({"", std::to_string(line.context), human_bytes(line.weight_bytes), human_bytes(line.state_bytes),
                human_bytes(line.weight_bytes + line.state_bytes)});
  fmt::print("{}", memory.str());
}

void print_boards(const harness::Inspection& inspection) {
  const harness::ByteLedger& ledger = *inspection.ledger;
  fmt::print("\nBoards at context {}, one user; t/s/u by three definitions of the maximum\n", ledger.context);
  std::vector<std::string> head = {"", "board", "fits", "longest context", "a chip needs", "has"};
  for (const auto& maximum : inspection.board_maxima.front().maxima) head.push_back(maximum.definition);
  head.emplace_back("why not");
  Table table(head);
  for (std::size_t i = 0; i < inspection.fits.size(); ++i) {
    const harness::plan::Fit& fit = inspection.fits[i];
    std::vector<std::string> cells = {"",
                                      fit.board,
                                      fit.fits ? "yes" : "no",
                                      fit.fits ? std::to_string(fit.longest_context) : "",
                                      human_bytes(fit.memory.needed),
                                      human_bytes(fit.memory.capacity)};
    for (const auto& maximum : inspection.board_maxima[i].maxima)
      cells.push_back(human_number(maximum.tokens_per_s_per_user));
    cells.push_back(fit.why_not);
    table.add(std::move(cells));
  }
  fmt::print("{}", table.str(colour_on_stdout()));
  fmt::print("  assumed: {}\n", fmt::join(inspection.fit_assumptions, "; "));
  for (const auto& maximum : inspection.board_maxima.front().maxima)
    fmt::print("  {} ({}): {}\n", maximum.definition, inspection.board_maxima.front().board, maximum.formula);
}

// What cannot be run is answered, and the exit code is that of the verbs that would refuse it.
int run_inspect(const InspectFlags& flags) {
  constexpr int kUnsupported = static_cast<int>(Category::kUnsupported);
  std::error_code error;
  if (!std::filesystem::exists(flags.path, error))
    fail(Category::kBadInput, flags.path.string(),
         "no such file or folder; expected a checkpoint folder or a config.json");
  const harness::Inspection inspection = harness::inspect(flags.path, flags.options);
  if (flags.output.json) {
    print_json(inspection.json());
    return inspection.supported ? 0 : kUnsupported;
  }
  if (!inspection.supported) {
    fmt::print("{}: not supported\n  {}\n  nearest known architectures: {}\n", inspection.name,
               inspection.unsupported_because, fmt::join(inspection.nearest, ", "));
    return kUnsupported;
  }
  print_model(inspection);
  print_alignment(inspection);
  print_memory(inspection);
  if (!inspection.board_maxima.empty()) print_boards(inspection);
  return 0;
}

}  // namespace

Action declare_inspect(CLI::App& command) {
  const auto flags = std::make_shared<InspectFlags>();
  command.add_option("PATH", flags->path, "Checkpoint folder, or a config.json alone")->type_name("")->required();
  add_policy_flag(command, flags->options.policy);
  command
      .add_option("-c,--context,--ctx-size", flags->options.context, "Cached positions of the byte ledger, in tokens")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(1));
  command.add_option("--board", flags->options.board, "One board only (see: firstlight list boards)")
      ->type_name("NAME");
  add_output_flags(command, flags->output);
  add_examples(command, {"firstlight inspect MODEL", "firstlight inspect config.json --policy bfp4 --context 8192",
                         "firstlight inspect MODEL --json"});
  return [flags](const Invocation&) { return run_inspect(*flags); };
}

}  // namespace firstlight::app
