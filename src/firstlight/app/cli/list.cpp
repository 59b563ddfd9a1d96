// `firstlight list`: the lists, as tables.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "firstlight/app/cli/flags.h"
#include "firstlight/app/cli/suggest.h"
#include "firstlight/app/cli/table.h"
#include "firstlight/app/cli/verb.h"
#include "firstlight/base/error.h"
#include "firstlight/base/json.h"
#include "firstlight/base/paths.h"
#include "firstlight/harness/boards.h"
#include "firstlight/op/op.h"

namespace firstlight::app {
namespace {

Json list_models() {
  Json rows = Json::array();
  for (const model::ModelRow& row : model::models())
    rows.push_back({{"model_type", row.model_type}, {"architecture", row.architecture}, {"summary", row.summary}});
  return rows;
}

Json list_devices() {
  Json rows = Json::array();
  for (const device::DeviceRow& row : device::devices()) {
    std::vector<std::string_view> roles;
    if (row.name == device::default_device()) roles.push_back("default");
    if (row.name == device::reference_device()) roles.push_back("reference");
    if (row.name == device::counting_device()) roles.push_back("counting");
    rows.push_back({{"name", row.name}, {"role", fmt::format("{}", fmt::join(roles, ", "))}, {"summary", row.summary}});
  }
  return rows;
}

Json list_boards() {
  Json rows = Json::array();
  for (const harness::Board& board : harness::load_boards())
    rows.push_back({{"name", board.name},
                    {"arch", board.arch},
                    {"chips", board.chips},
                    {"dram_gib", board.dram_bytes() / 0x1p30},
                    {"dram_gb_per_s", board.dram_bytes_per_s() / 1e9},
                    {"tflops_hifi2", board.flops_hifi2() / 1e12},
                    {"mesh", fmt::format("{}x{}", board.mesh_rows, board.mesh_columns)},
                    {"summary", board.summary}});
  return rows;
}

Json list_formats() {
  Json rows = Json::array();
  for (const FormatRow& row : formats())
    rows.push_back({{"name", row.name},
                    {"kind", row.is_float ? "number" : "index"},
                    {"block_elements", row.block_elements},
                    {"block_bytes", row.block_bytes},
                    {"bits_per_element", 8.0 * row.block_bytes / row.block_elements}});
  return rows;
}

// Every op with, for each device, whether it has kernels of its own for it.
Json list_ops() {
  constexpr std::pair<unsigned, std::string_view> kClaims[] = {{op::kThreads, "threads"},
                                                               {op::kBatchMates, "batch-mates"},
                                                               {op::kChunk, "chunk"},
                                                               {op::kPhase, "phase"},
                                                               {op::kPages, "pages"}};
  std::vector<std::pair<std::string, std::unique_ptr<device::Device>>> opened;
  for (const device::DeviceRow& row : device::devices())
    opened.emplace_back(row.name, device::open_device(row.name, {.threads = 1, .isa = ""}));
  Json rows = Json::array();
  for (const op::OpRow& row : op::ops()) {
    std::vector<std::string_view> claims;
    for (const auto& [bit, name] : kClaims)
      if ((row.traits.invariances & bit) != 0) claims.push_back(name);
    Json line = {{"name", row.name},
                 {"kind", row.traits.kind == op::Kind::kPrimitive ? "primitive" : "composite"},
                 {"summary", row.summary},
                 {"same bits under", claims.size() == std::size(kClaims) ? std::string("all")
                                                                         : fmt::format("{}", fmt::join(claims, ", "))}};
    for (const auto& [name, device] : opened) {
      const bool has =
          std::ranges::any_of(device->kernels(), [&](const device::KernelRow& k) { return k.op == row.id; });
      line[name] = has ? "kernel" : row.traits.kind == op::Kind::kComposite ? "fallback" : "-";
    }
    rows.push_back(std::move(line));
  }
  return rows;
}

Json list_verbs() {
  Json rows = Json::array();
  for (const Verb& verb : verbs()) rows.push_back({{"name", verb.name}, {"summary", verb.summary}});
  return rows;
}

// Name and summary of JSON files of a data folder.
Json list_data(const char* folder, const std::vector<std::string>& names) {
  Json rows = Json::array();
  for (const std::string& name : names) {
    const auto path = data_home() / folder / (name + ".json");
    const Json json = read_json_file(path);
    if (!json.is_object()) fail(Category::kBadInput, path.string(), "expected an object");
    const auto summary = json.find("summary");
    rows.push_back({{"name", name},
                    {"summary", summary != json.end() && summary->is_string() ? summary->get<std::string>() : ""}});
  }
  return rows;
}

Json list_policies() { return list_data("policies", run::policy_names()); }
Json list_targets() { return list_data("targets", data_names("targets")); }

struct Kind {
  const char* name;
  Json (*list)();
};
constexpr Kind kKinds[] = {{"models", list_models},     {"devices", list_devices}, {"boards", list_boards},
                           {"formats", list_formats},   {"ops", list_ops},         {"verbs", list_verbs},
                           {"policies", list_policies}, {"targets", list_targets}};

std::string as_table(const Json& rows) {
  if (rows.empty()) return "";
  std::vector<std::string> head;
  for (const auto& [key, value] : rows[0].items()) {
    std::string title = key;
    std::ranges::transform(title, title.begin(),
                           [](unsigned char c) { return static_cast<char>(c == '_' ? ' ' : std::toupper(c)); });
    head.push_back(std::move(title));
  }
  Table table(head);
  for (const Json& row : rows) {
    std::vector<std::string> cells;
    for (const auto& [key, value] : row.items())
      cells.push_back(value.is_string()         ? value.get<std::string>()
                      : value.is_number_float() ? fmt::format("{:.6g}", value.get<double>())
                                                : json_text(value));
    table.add(std::move(cells));
  }
  return table.str();
}

struct ListFlags {
  std::string kind;
  OutputFlags output;
};

int run_list(const ListFlags& flags) {
  if (flags.kind.empty()) {
    Json all = Json::object();
    for (const Kind& kind : kKinds) all[kind.name] = kind.list();
    if (flags.output.json) {
      print_json(all);
      return 0;
    }
    for (const auto& [kind, rows] : all.items()) {
      std::vector<std::string> names;
      for (const Json& row : rows) names.push_back(row.begin()->get<std::string>());
      fmt::print("{:<10}{}\n", kind, fmt::join(names, ", "));
    }
    return 0;
  }
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) {
    names.emplace_back(kind.name);
    if (flags.kind != kind.name) continue;
    const Json rows = kind.list();
    if (flags.output.json)
      print_json(rows);
    else
      fmt::print("{}", as_table(rows));
    return 0;
  }
  const std::string nearest = nearest_name(flags.kind, names);
  fail(Category::kUsage, "list", "no list is named '{}'{}; there are: {}", flags.kind,
       nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest), fmt::join(names, ", "));
}

}  // namespace

Action declare_list(CLI::App& command) {
  const auto flags = std::make_shared<ListFlags>();
  std::vector<std::string_view> names;
  for (const Kind& kind : kKinds) names.emplace_back(kind.name);
  command.add_option("KIND", flags->kind, fmt::format("{}; without it, the names of all", fmt::join(names, ", ")))
      ->type_name("");
  add_output_flags(command, flags->output);
  add_examples(command, {"firstlight list models", "firstlight list ops --json"});
  return [flags](const Invocation&) { return run_list(*flags); };
}

}  // namespace firstlight::app
