// Board files: every field checked, every figure with a source, unknown fields refused; constants likewise.
#include "firstlight/base/json.h"
#include "firstlight/harness/boards.h"

#include "firstlight/base/file.h"
#include "firstlight/base/paths.h"
#include "firstlight/harness/plan/constants.h"
#include "testing/testing.h"

namespace firstlight::harness {
namespace {

Json board_json(const char* file) { return read_json_file(data_home() / "boards" / file); }

void expect_refused(const Json& json, std::string_view words) {
  const Error error = testing::expect_error([&] { board_from_json(json, "b.json"); });
  EXPECT_EQ(error.category(), Category::kBadInput);
  EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what() << " lacks " << words;
}

TEST(Boards, EveryFigureHasASource) {
  for (const Board& board : load_boards()) {
    for (const char* figure : {"chips", "mesh", "per_chip.compute_cores", "per_chip.dram_gib", "per_chip.dram_banks"})
      EXPECT_FALSE(board.sources.at(figure).empty()) << board.name << " " << figure;
    EXPECT_EQ(board.mesh_rows * board.mesh_columns, board.chips) << board.name;
    EXPECT_EQ(board.link_bytes_per_s > 0, board.chips > 1) << board.name;
  }
}

TEST(Boards, TheTenAreThere) {
  for (const char* name : {"N150", "N300", "T3K", "Galaxy", "P100", "P150", "P300", "P150x4", "P150x8", "BHGalaxy"})
    EXPECT_EQ(load_board(name).name, name);
}

TEST(Boards, PeaksAreThoseOfTheCores) {
  // 4096 FLOP a cycle and core at LoFi: a published peak is within the cores that a card has, not only usable ones.
  for (const Board& board : load_boards()) {
    const double usable = 4096 * board.chip.clock_hz * board.chip.compute_cores;
    EXPECT_GE(board.chip.flops_lofi, 0.85 * usable) << board.name;
    EXPECT_LE(board.chip.flops_lofi, 1.15 * usable) << board.name;
  }
}

TEST(Boards, DamagedFilesAreRefusedByField) {
  const Json good = board_json("n300.json");
  EXPECT_EQ(board_from_json(good, "b.json").chips, 2);
  for (const auto& [field, value] : good.items()) {
    if (field == "notes") continue;
    Json missing = good;
    missing.erase(field);
    expect_refused(missing, field);
  }
  for (const auto& [field, value] : good["per_chip"].items()) {
    Json missing = good;
    missing["per_chip"].erase(field);
    expect_refused(missing, field);
    Json negative = good;
    negative["per_chip"][field]["value"] = -1;
    expect_refused(negative, field);
    Json text = good;
    text["per_chip"][field]["value"] = "12";
    expect_refused(text, field);
    Json bare = good;
    bare["per_chip"][field] = 12;
    expect_refused(bare, field);
    Json unsourced = good;
    unsourced["per_chip"][field]["source"] = "";
    expect_refused(unsourced, field);
  }
  Json unknown = good;
  unknown["colour"] = "red";
  expect_refused(unknown, "unknown field");
  Json inner = good;
  inner["per_chip"]["fans"] = {{"value", 2}, {"source", "seen"}};
  expect_refused(inner, "per_chip.fans");
  Json mesh = good;
  mesh["mesh"]["value"] = {2, 2};
  expect_refused(mesh, "mesh");
  Json fraction = good;
  fraction["chips"]["value"] = 1.5;
  expect_refused(fraction, "chips");
  Json single = board_json("n150.json");
  single["links"] = good["links"];
  expect_refused(single, "links");
  expect_refused(Json::array(), "object");
}

TEST(Boards, AUsersOwnFileIsABoard) {
  Json mine = board_json("n150.json");
  mine["name"] = "Mine";
  mine["per_chip"]["dram_gib"]["value"] = 96;
  const auto folder = testing::scratch_dir("board");
  write_text_file(folder / "mine.json", json_text(mine));
  EXPECT_EQ(load_board((folder / "mine.json").string()).dram_bytes(), 96 * 0x1p30);
  const Error error = testing::expect_error([] { load_board("n151"); });
  EXPECT_EQ(error.category(), Category::kUsage);
  EXPECT_NE(std::string(error.what()).find("did you mean"), std::string::npos) << error.what();
}

TEST(Constants, AllAreThereWithASource) {
  const auto constants = plan::Constants::load(plan::default_constants());
  ASSERT_EQ(constants.sources.size(), plan::constant_rows().size());
  for (const std::string& source : constants.sources) EXPECT_FALSE(source.empty());
  const auto again = plan::Constants::from_json(parse_json(constants.file_text(), "text"), "text");
  for (const plan::ConstantRow& row : plan::constant_rows()) EXPECT_EQ(again.*row.value, constants.*row.value);
}

TEST(Constants, DamagedFilesAreRefused) {
  const Json good = plan::Constants::load(plan::default_constants()).json();
  const auto refused = [](const Json& json) {
    return testing::expect_error([&] { plan::Constants::from_json(json, "c.json"); }).category();
  };
  for (const plan::ConstantRow& row : plan::constant_rows()) {
    Json missing = good;
    missing["constants"].erase(std::string(row.name));
    EXPECT_EQ(refused(missing), Category::kBadInput) << row.name;
    Json negative = good;
    negative["constants"][std::string(row.name)]["value"] = -1;
    EXPECT_EQ(refused(negative), Category::kBadInput) << row.name;
  }
  Json unknown = good;
  unknown["constants"]["luck"] = {{"value", 1}, {"source", "none"}};
  EXPECT_EQ(refused(unknown), Category::kBadInput);
  Json share = good;
  share["constants"]["sharded_share"]["value"] = 1.5;
  EXPECT_EQ(refused(share), Category::kBadInput);
  EXPECT_EQ(testing::expect_error([] { plan::Constants::load("nobody"); }).category(), Category::kUsage);
}

}  // namespace
}  // namespace firstlight::harness
