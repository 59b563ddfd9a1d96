// `firstlight tune`: the fastest precision policy that holds the accuracy bar, and the front it stands on.
#include "firstlight/harness/tune/tune.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "firstlight/app/cli/flags.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "firstlight/base/json.h"
#include "firstlight/harness/teacher_forcing.h"
#include "firstlight/io/html.h"

namespace firstlight::app {
namespace {

using harness::tune::Point;
using harness::tune::Result;

struct TuneFlags {
  ModelFlags model;
  DeviceFlags device;
  OutputFlags output;
  std::filesystem::path as;
  std::string entry;
  std::string board;
  std::string timing{harness::plan::default_constants()};
  std::filesystem::path reference;
  std::string target = "bounty";
  std::filesystem::path out;
  harness::plan::Request request;
  harness::tune::Options options;
  std::vector<std::string> stock = {"performance", "accuracy"};
};

std::string percent(double share) { return fmt::format("{:.2f} %", 100 * share); }

std::string interval(const harness::tune::Paired& value, double scale, const char* unit) {
  return fmt::format("{:+.3g} [{:+.3g}, {:+.3g}]{}", scale * value.mean, scale * value.low, scale * value.high, unit);
}

std::string result_tables(const Result& result, bool colour) {
  Table sensitivities({"", "change from the start", "to", "loss", "top-1 points", "speed"});
  for (const auto& s : result.sensitivities) {
    const harness::tune::Knob& knob = result.space.knobs[s.knob];
    sensitivities.add({"", knob.name(result.space.bands), knob.options[static_cast<std::size_t>(s.option)].str(),
                       interval(s.loss, 1, ""), interval(s.top1, 100, ""),
                       fmt::format("{:+.1f} %", 100 * s.speed_gain)});
  }
  Table points({"", "policy", "t/s/u", "top-1", "top-5", "top-1 points from the start", "holds", "front"});
  for (std::size_t i = 0; i < result.points.size(); ++i) {
    const Point& point = result.points[i];
    points.add({static_cast<int>(i) == result.chosen ? ">" : "", point.name, human_number(point.tokens_per_s_per_user),
                percent(point.top1), percent(point.top5), interval(point.top1_difference, 100, ""),
                point.holds ? "yes" : "no", point.on_front ? "yes" : ""});
  }
  return fmt::format("Sensitivity (95 % intervals of paired differences)\n{}\nMeasured policies\n{}",
                     sensitivities.str(), points.str(colour));
}

// The chosen policy in every spelling, and the record with its picture.
void write_results(const TuneFlags& flags, const Result& result, const Json& record,
                   const std::vector<std::string>& spellings) {
  std::filesystem::create_directories(flags.out);
  write_text_file(flags.out / "tune.json", json_text(record, 2) + "\n");
  const std::string svg = harness::tune::picture(result);
  write_text_file(flags.out / "pareto.svg", svg);
  write_text_file(flags.out / "tune.html",
                  fmt::format("<!doctype html><meta charset=\"utf-8\"><title>Precision search</title>\n"
                              "<h1>Precision search</h1>\n<p>{}</p>\n{}\n<pre>{}</pre>\n",
                              io::html_text(result.verdict), svg, io::html_text(result_tables(result, false))));
  for (std::size_t i = 0; i + 1 < spellings.size(); i += 2)
    if (!spellings[i + 1].empty()) write_text_file(flags.out / spellings[i], spellings[i + 1] + "\n");
}

int execute(TuneFlags& flags) {
  flags.model.check_folder();
  const auto target = harness::Target::load(flags.target);
  flags.options.top1_bar = target.number("top1", "bar");
  flags.options.top5_bar = target.number("top5", "bar");
  const std::filesystem::path as = flags.as.empty() ? flags.model.folder : flags.as;
  const auto subjects = harness::plan::load_subjects(as, flags.entry);
  if (subjects.size() != 1)
    fail(Category::kUsage, "--as", "{} is a table of {} models: name one with --entry", as.string(), subjects.size());
  const harness::Board board = harness::load_board(flags.board);
  const auto constants = harness::plan::Constants::load(flags.timing);
  const auto path = flags.reference.empty() ? harness::find_capsule(flags.model.folder) : flags.reference;
  if (path.empty())
    fail(Category::kBadInput, flags.model.folder.string(),
         "no reference stands beside the model; give one with --reference FILE (see: firstlight reference)");
  const harness::Capsule capsule = harness::load_capsule(path);
  const std::int64_t prefill = harness::split_after(capsule, target);

  const auto device = flags.device.open_computing();
  flags.options.fidelities = device->settings("lofi") != nullptr;
  const auto evaluate = [&](const std::string& policy) {
    pipeline::Engine engine = flags.model.load(*device, policy);
    return harness::tune::score_text(engine.session(), engine.model(), capsule, prefill);
  };
  const std::int64_t layers = subjects.front().description.layers;
  std::int64_t own_layers = 0;
  {
    const auto own = harness::plan::subject_from_config(flags.model.folder);
    own_layers = own.description.layers;
    flags.options.bands = static_cast<int>(std::min<std::int64_t>({flags.options.bands, own_layers, layers}));
  }
  const Result result = harness::tune::search(evaluate, own_layers, subjects.front(), board, constants, flags.request,
                                              flags.stock, flags.options);
  Json record = result.json();
  record["model"] = flags.model.folder.string();
  record["as"] = subjects.front().name;
  record["board"] = board.name;
  record["device"] = device->description().summary;
  record["fidelities_measured"] = flags.options.fidelities;
  record["reference"] = {{"origin", capsule.origin}, {"independent", capsule.independent}};
  record["bars"] = {{"top1", flags.options.top1_bar}, {"top5", flags.options.top5_bar}};

  bool claim_holds = true;
  std::vector<std::string> spellings;
  if (result.chosen >= 0) {
    const Point& chosen = result.points[static_cast<std::size_t>(result.chosen)];
    if (!chosen.choice.empty()) {
      const auto& space = result.space;
      spellings = {
          "policy.json",         json_text(harness::tune::policy_json(space, chosen.choice, own_layers, "tuned"), 2),
          "policy_as.json",      json_text(harness::tune::policy_json(space, chosen.choice, layers, "tuned"), 2),
          "decoder_config.json", json_text(harness::tune::decoder_json(space, chosen.choice, layers), 2),
          "optimizations.txt",   harness::tune::stack_string(space, chosen.choice)};
    }
    write_results(flags, result, record, spellings);
    // The file loaded back, forced token by token, must give the accuracy that was claimed.
    const std::string spec = chosen.choice.empty() ? chosen.policy : (flags.out / "policy.json").string();
    pipeline::Engine engine = flags.model.load(*device, spec);
    const auto forced = harness::teacher_force(engine.session(), engine.model(), capsule, prefill, 512);
    claim_holds = std::abs(forced.top1() - chosen.top1) < 1e-12 && std::abs(forced.top5() - chosen.top5) < 1e-12;
    record["loaded_back"] = {
        {"policy", spec},
        {"top1", forced.top1()},
        {"top5", forced.top5()},
        {"as_claimed", claim_holds},
        {"holds", forced.top1() > flags.options.top1_bar && forced.top5() > flags.options.top5_bar}};
    write_text_file(flags.out / "tune.json", json_text(record, 2) + "\n");
  } else {
    write_results(flags, result, record, {});
  }
  if (flags.output.json) {
    print_json(record);
  } else {
    fmt::print("{} as {} on {}: {} evaluations on {}, {} with {}\n", flags.model.folder.filename().string(),
               subjects.front().name, board.name, result.evaluations, device->description().summary,
               capsule.verdict_word(), capsule.origin);
    if (!flags.options.fidelities)
      fmt::print("this device has no fidelity settings: accuracy is that of the formats alone\n");
    fmt::print("\n{}\n{}\n", result_tables(result, colour_on_stdout()), result.verdict);
    if (record.contains("loaded_back"))
      fmt::print("loaded back and forced token by token: top-1 {}, top-5 {}: {}\n",
                 percent(record["loaded_back"]["top1"].get<double>()),
                 percent(record["loaded_back"]["top5"].get<double>()), claim_holds ? "as claimed" : "not as claimed");
    fmt::print("written to {}\n", flags.out.string());
  }
  return result.chosen >= 0 && claim_holds ? 0 : static_cast<int>(Category::kFailedVerdict);
}

}  // namespace

Action declare_tune(CLI::App& command) {
  const auto flags = std::make_shared<TuneFlags>();
  add_model_flags(command, flags->model);
  add_device_flags(command, flags->device);
  command
      .add_option("--as", flags->as,
                  "Predict speed for these dimensions: a folder, a config.json or a table; by default "
                  "the model itself")
      ->type_name("PATH");
  command.add_option("--entry", flags->entry, "The model of a table of dimensions")->type_name("NAME");
  command.add_option("--board", flags->board, "A board (see: firstlight list boards) or the path of a board file")
      ->type_name("NAME")
      ->required();
  command.add_option("-c,--context", flags->request.load.context, "Cached positions of the predicted step")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(1));
  command.add_option("--batch", flags->request.load.batch, "Users of the predicted step")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(1, 65536));
  command.add_option("--bands", flags->options.bands, "Bands of layers that choose together")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(1, 4096));
  command.add_option("--points", flags->options.points, "Policies measured along the search's path")
      ->type_name("N")
      ->capture_default_str()
      ->check(between(2, 1000));
  command.add_option("--stock", flags->stock, "Policies to beat")->type_name("NAME,...")->delimiter(',');
  command.add_option("--reference", flags->reference, "Reference capsule; by default the one beside the model")
      ->type_name("FILE");
  command.add_option("--target", flags->target, "Bars (see: firstlight list targets)")
      ->type_name("NAME")
      ->capture_default_str();
  command.add_option("--timing", flags->timing, "Constants of a stack, in boards/timing, or the path of such a file")
      ->type_name("NAME")
      ->capture_default_str();
  command.add_option("--out", flags->out, "Folder for policy.json, decoder_config.json, tune.html, pareto.svg")
      ->type_name("DIR")
      ->default_str("firstlight-out/tune");
  flags->out = "firstlight-out/tune";
  add_output_flags(command, flags->output);
  add_examples(command, {"firstlight tune MODEL --board n150",
                         "firstlight tune MODEL --as dims.json --entry NAME --board n150 --batch 32"});
  return [flags](const Invocation&) { return execute(*flags); };
}

}  // namespace firstlight::app
