// Reading boards/*.json.
#include "firstlight/harness/boards.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "firstlight/base/error.h"
#include "firstlight/base/paths.h"

namespace firstlight::harness {
namespace {

Board from_file(const std::filesystem::path& path) {
  const Json json = read_json_file(path);
  const std::string where = path.string();
  const auto text = [&](const Json& object, const char* field) {
    if (!object.is_object() || !object.contains(field) || !object[field].is_string())
      fail(Category::kBadInput, where, "needs a text '{}'", field);
    return object[field].get<std::string>();
  };
  const auto number = [&](const Json& object, const char* field) {
    if (!object.is_object() || !object.contains(field) || !object[field].is_number() ||
        object[field].get<double>() <= 0)
      fail(Category::kBadInput, where, "needs a positive number '{}'", field);
    return object[field].get<double>();
  };
  Board board;
  board.name = text(json, "name");
  board.summary = text(json, "summary");
  board.arch = text(json, "arch");
  board.source = text(json, "source");
  board.chips = static_cast<int>(number(json, "chips"));
  const Json chip = json.value("per_chip", Json::object());
  board.dram_bytes = board.chips * number(chip, "dram_gib") * 0x1p30;
  board.dram_bytes_per_s = board.chips * number(chip, "dram_gb_per_s") * 1e9;
  board.flops_hifi2 = board.chips * number(chip, "tflops_hifi2") * 1e12;
  for (const Json& note : json.value("notes", Json::array()))
    if (note.is_string()) board.notes.push_back(note.get<std::string>());
  return board;
}

}  // namespace

std::vector<Board> load_boards() {
  std::vector<Board> boards;
  for (const auto& entry : std::filesystem::directory_iterator(data_home() / "boards"))
    if (entry.path().extension() == ".json") boards.push_back(from_file(entry.path()));
  std::ranges::sort(boards, [](const Board& a, const Board& b) {
    return std::tie(a.chips, a.dram_bytes, a.name) < std::tie(b.chips, b.dram_bytes, b.name);
  });
  return boards;
}

Board load_board(std::string_view name) {
  const auto lower = [](std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
  };
  std::vector<std::string> names;
  for (Board& board : load_boards()) {
    if (lower(board.name) == lower(name)) return std::move(board);
    names.push_back(board.name);
  }
  fail(Category::kUsage, "--board", "no board is named '{}'; there are: {}", name, fmt::join(names, ", "));
}

}  // namespace firstlight::harness
