// Reading boards: every field is checked, an unknown one is refused.
#include "firstlight/harness/boards.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>
#include <set>

#include "firstlight/base/error.h"
#include "firstlight/base/nearest.h"
#include "firstlight/base/paths.h"

namespace firstlight::harness {
namespace {

constexpr int kMostChips = 1 << 16;

// One object of a board file: fields are taken by name, and what is left at the end is refused.
class BoardFields {
 public:
  BoardFields(const Json& json, std::string where, std::string prefix, Board& board)
      : json_(json), where_(std::move(where)), prefix_(std::move(prefix)), board_(board) {
    if (!json.is_object()) fail(Category::kBadInput, at(""), "expected an object, found {}", json.type_name());
  }

  const Json& field(const std::string& name) {
    taken_.insert(name);
    const auto found = json_.find(name);
    if (found == json_.end()) fail(Category::kBadInput, at(name), "missing");
    return *found;
  }
  bool has(const std::string& name) const { return json_.contains(name); }

  std::string text(const std::string& name) {
    const Json& value = field(name);
    if (!value.is_string() || value.get_ref<const std::string&>().empty())
      fail(Category::kBadInput, at(name), "expected a text, found {}", json_text(value));
    return value.get<std::string>();
  }
  double number(const std::string& name) {
    const Json& value = figure(name);
    if (!value.is_number() || !(value.get<double>() > 0) || !std::isfinite(value.get<double>()))
      fail(Category::kBadInput, at(name), "expected a positive number, found {}", json_text(value));
    return value.get<double>();
  }
  int count(const std::string& name) { return as_count(figure(name), name); }
  void pair(const std::string& name, int& first, int& second) {
    const Json& value = figure(name);
    if (!value.is_array() || value.size() != 2)
      fail(Category::kBadInput, at(name), "expected two counts, found {}", json_text(value));
    first = as_count(value[0], name);
    second = as_count(value[1], name);
  }

  // Throws unless every field was taken.
  void finish() const {
    for (const auto& [name, value] : json_.items())
      if (!taken_.contains(name))
        fail(Category::kBadInput, at(name), "unknown field; expected {}", fmt::join(taken_, ", "));
  }
  std::string at(const std::string& name) const {
    if (name.empty() && prefix_.empty()) return where_;
    return fmt::format("{}: field '{}{}'", where_, prefix_, name);
  }

 private:
  // The value of a figure, whose source is noted.
  const Json& figure(const std::string& name) {
    const Json& entry = field(name);
    if (!entry.is_object() || entry.size() != 2 || !entry.contains("value") || !entry.contains("source") ||
        !entry["source"].is_string() || entry["source"].get_ref<const std::string&>().empty())
      fail(Category::kBadInput, at(name), "expected {{\"value\": ..., \"source\": \"...\"}}, found {}",
           json_text(entry));
    board_.sources[prefix_ + name] = entry["source"].get<std::string>();
    return entry["value"];
  }
  int as_count(const Json& value, const std::string& name) const {
    const std::optional<double> number = value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
    if (!number || *number < 1 || *number > kMostChips || *number != std::floor(*number))
      fail(Category::kBadInput, at(name), "expected a count from 1 to {}, found {}", kMostChips, json_text(value));
    return static_cast<int>(*number);
  }

  const Json& json_;
  std::string where_;
  std::string prefix_;
  Board& board_;
  std::set<std::string> taken_;
};

std::string lower_name(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

}  // namespace

Board board_from_json(const Json& json, std::string_view where) {
  Board board;
  const std::string place(where);
  BoardFields top(json, place, "", board);
  board.name = top.text("name");
  board.summary = top.text("summary");
  board.arch = top.text("arch");
  board.chips = top.count("chips");
  top.pair("mesh", board.mesh_rows, board.mesh_columns);
  if (std::int64_t{board.mesh_rows} * board.mesh_columns != board.chips)
    fail(Category::kBadInput, top.at("mesh"), "{} x {} are not the {} chips", board.mesh_rows, board.mesh_columns,
         board.chips);

  BoardFields chip(top.field("per_chip"), place, "per_chip.", board);
  board.chip.compute_cores = chip.count("compute_cores");
  board.chip.clock_hz = chip.number("clock_ghz") * 1e9;
  board.chip.l1_bytes_per_core = chip.number("l1_kib_per_core") * 1024;
  board.chip.noc_bytes_per_cycle = chip.number("noc_bytes_per_cycle");
  board.chip.dram_bytes = chip.number("dram_gib") * 0x1p30;
  board.chip.dram_bytes_per_s = chip.number("dram_gb_per_s") * 1e9;
  board.chip.dram_banks = chip.count("dram_banks");
  board.chip.flops_lofi = chip.number("tflops_lofi") * 1e12;
  board.chip.flops_hifi2 = chip.number("tflops_hifi2") * 1e12;
  board.chip.flops_hifi4 = chip.number("tflops_hifi4") * 1e12;
  chip.finish();

  if (board.chips > 1) {
    BoardFields links(top.field("links"), place, "links.", board);
    board.link_bytes_per_s = links.number("gb_per_s") * 1e9;
    links.pair("per_axis", board.links_per_axis[0], board.links_per_axis[1]);
    links.finish();
  }
  if (top.has("notes")) {
    const Json& notes = top.field("notes");
    if (!notes.is_array() || !std::ranges::all_of(notes, [](const Json& note) { return note.is_string(); }))
      fail(Category::kBadInput, top.at("notes"), "expected a list of texts");
    for (const Json& note : notes) board.notes.push_back(note.get<std::string>());
  }
  top.finish();
  return board;
}

std::vector<Board> load_boards() {
  std::vector<Board> boards;
  for (const auto& file : data_files("boards")) boards.push_back(board_from_json(read_json_file(file), file.string()));
  std::ranges::sort(boards, [](const Board& a, const Board& b) {
    return std::make_tuple(a.chips, a.dram_bytes(), a.name) < std::make_tuple(b.chips, b.dram_bytes(), b.name);
  });
  return boards;
}

Board load_board(std::string_view name) {
  std::vector<std::string> names;
  for (Board& board : load_boards()) {
    if (lower_name(board.name) == lower_name(name)) return std::move(board);
    names.push_back(board.name);
  }
  const std::filesystem::path path(name);
  std::error_code ignored;
  if (path.extension() == ".json" || std::filesystem::is_regular_file(path, ignored))
    return board_from_json(read_json_file(path), path.string());
  const std::vector<std::string> nearest = nearest_names(name, names, 1);
  fail(Category::kUsage, "--board", "no board is named '{}'{}; there are: {}, or the path of a board file", name,
       !nearest.empty() && edit_distance(lower_name(nearest[0]), lower_name(name)) <= 2
           ? fmt::format("; did you mean '{}'?", nearest[0])
           : "",
       fmt::join(names, ", "));
}

}  // namespace firstlight::harness
