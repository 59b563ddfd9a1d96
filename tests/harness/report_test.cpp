// Records, reports and JUnit.
#include "firstlight/harness/report.h"

#include <cmath>

#include "firstlight/base/file.h"
#include "firstlight/harness/bringup.h"
#include "firstlight/harness/evidence.h"
#include "harness/engines.h"

namespace firstlight::harness {
namespace {

PhaseResult hostile_phase() {
  PhaseResult phase;
  phase.phase = "4 full model";
  phase.verdicts = {judge("<script>alert(1)</script>", std::nan(""), ">", 0.5, "&\"'", "note <b>")};
  return phase;
}

TEST(Record, WritesLinesThatReadBack) {
  Record record({{"model", "m"}, {"device", "d"}});
  record.add(hostile_phase());
  const auto path = testing::scratch_dir("record") / "record.jsonl";
  record.write(path);
  const auto lines = read_record(path);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0]["kind"], "run");
  EXPECT_EQ(lines[1]["outcome"], "failed");
  EXPECT_EQ(lines[2]["value"], "nan") << "a NaN is never hidden";
}

TEST(Record, RefusesDamage) {
  const auto folder = testing::scratch_dir("record-bad");
  write_text_file(folder / "a.jsonl", "{\"kind\":\"run\"}\n{\"kind\":");
  EXPECT_NE(std::string(testing::expect_error([&] { read_record(folder / "a.jsonl"); }).what()).find("a.jsonl:2"),
            std::string::npos);
  write_text_file(folder / "b.jsonl", "{\"kind\":\"phase\"}\n");
  EXPECT_EQ(testing::expect_error([&] { read_record(folder / "b.jsonl"); }).category(), Category::kBadInput);
  write_text_file(folder / "c.jsonl", "");
  EXPECT_EQ(testing::expect_error([&] { read_record(folder / "c.jsonl"); }).category(), Category::kBadInput);
}

TEST(Report, EscapesWhatItShowsAndPutsTheVerdictFirst) {
  Record record({{"model", "<m>"}, {"device", "d"}, {"policy", "p"}, {"target", "t"}, {"command", "a < b"}});
  record.add(hostile_phase());
  const std::string html = html_report(record.lines());
  EXPECT_EQ(html.find("<script>"), std::string::npos);
  EXPECT_NE(html.find("&lt;script&gt;"), std::string::npos);
  EXPECT_NE(html.find("&lt;m&gt;"), std::string::npos);
  EXPECT_NE(html.find("FAILED"), std::string::npos);
  EXPECT_LT(html.find("id=\"verdict\""), html.find("id=\"environment\""));
}

TEST(Report, ShowsEachComponentsErrorBesideItsBound) {
  const Json own = {{"rows", 8},           {"error", 0.0123}, {"stored", 0.01},
                    {"arithmetic", 0.004}, {"bound", 0.0456}, {"arithmetic_bound", 0.03},
                    {"defects", 0},        {"beyond", 0},     {"largest_share", 0.25}};
  Json row = {{"phase", "decode"},        {"key", "model.layers.0.mlp.down_proj"}, {"layer", 0},
              {"forced", Json::object()}, {"cumulative", Json::object()},          {"own", own}};
  Json rows = Json::array({row});
  row["key"] = "model.layers.1.mlp.down_proj";
  row["layer"] = 1;
  row["own"]["largest_share"] = 0.5;
  rows.push_back(row);
  row["key"] = "norm";
  row["layer"] = -1;
  row["own"] = nullptr;
  rows.push_back(row);
  const std::vector<Json> lines = {
      {{"kind", "run"}, {"model", "m"}},
      {{"kind", "phase"}, {"phase", "3 components"}, {"details", {{"components", {{"rows", rows}}}}}}};
  const std::string html = html_report(lines);
  const auto table = html.find("Own error against its computed bound");
  ASSERT_NE(table, std::string::npos);
  EXPECT_NE(html.find("2 of 2 components lie within"), std::string::npos);
  EXPECT_NE(html.find("0.0456", table), std::string::npos);
  EXPECT_NE(html.find("model.layers.1.mlp.down_proj", table), std::string::npos) << "the layer nearest its bound";
  EXPECT_EQ(html.find("model.layers.0.mlp.down_proj", table), std::string::npos);
}

TEST(Report, AFieldOfTheWrongKindIsBadInput) {
  const std::vector<Json> lines = {{{"kind", "run"}, {"model", "m"}},
                                   {{"kind", "phase"}, {"phase", "5 performance"}, {"details", {{"maxima", 3}}}}};
  EXPECT_EQ(testing::expect_error([&] { html_report(lines); }).category(), Category::kBadInput);
}

TEST(Junit, FailuresErrorsAndSkipsAreCounted) {
  PhaseResult phase = hostile_phase();
  phase.verdicts.push_back(skipped("s", "why"));
  phase.verdicts.push_back(judge("ok", 1, ">", 0, "", ""));
  phase.stopped_by = "broke";
  const std::string xml = junit_xml({phase});
  EXPECT_NE(xml.find("tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\""), std::string::npos) << xml;
  EXPECT_EQ(xml.find("<script>"), std::string::npos);
}

}  // namespace
}  // namespace firstlight::harness
