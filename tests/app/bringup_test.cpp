// The main job, small: every phase, every file, and the report again from the record.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/program.h"
#include "firstlight/base/file.h"
#include "firstlight/base/json.h"
#include "firstlight/harness/report.h"
#include "testing/testing.h"

namespace firstlight::testing {
namespace {

using ::testing::HasSubstr;

TEST(Bringup, RunsEveryPhaseAndWritesItsFiles) {
  const auto out = scratch_dir("bringup");
  const Ran ran = firstlight({"bringup", bundled_model(), "--invariance-tokens", "40", "--prefill-tokens", "64",
                              "--prompt-tokens", "16", "--generate", "4", "--repeats", "1", "--probe-seconds", "0.02",
                              "--out", out.string(), "--json"});
  // Speed is not judged here: a share of this machine's bandwidth may miss its bar on a busy machine.
  ASSERT_TRUE(ran.exit_code == 0 || ran.exit_code == 1) << ran.err;
  const Json json = ran.json();
  ASSERT_EQ(json["phases"].size(), 7U);
  for (const Json& phase : json["phases"]) {
    EXPECT_EQ(phase["stopped_by"], "") << phase;
    EXPECT_THAT(ran.err, HasSubstr(phase["phase"].get<std::string>()));
  }
  EXPECT_EQ(ran.exit_code, json["passed"].get<bool>() ? 0 : 1);
  for (const Json& verdict : json["verdicts"]) {
    const bool accuracy = verdict["phase"] == "3 components" || verdict["phase"] == "4 full model";
    EXPECT_FALSE(accuracy && verdict["outcome"] == "failed") << verdict;
  }
  for (const char* file : {"report.html", "record.jsonl", "junit.xml", "README.md"})
    EXPECT_TRUE(std::filesystem::exists(out / file)) << file;
  EXPECT_THAT(json["command"].get<std::string>(), HasSubstr("firstlight bringup"));

  // The record alone gives the page again, to the byte.
  const std::string page = read_text_file(out / "report.html");
  const Ran again = firstlight({"report", out.string(), "--out", (out / "again.html").string()});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(read_text_file(out / "again.html"), page);
  EXPECT_GT(harness::read_record(out / "record.jsonl").size(), 10U);
}

// A checkpoint of few positions and no tokenizer: a reference of ids serves it.
TEST(Bringup, TakesAReferenceOfIds) {
  const auto folder = scratch_dir("of_ids");
  const Ran without = firstlight({"bringup", tiny_model(), "--probe-seconds", "0", "--out", (folder / "a").string()});
  EXPECT_EQ(without.exit_code, 3);
  EXPECT_THAT(without.out, HasSubstr("firstlight reference MODEL --ids"));

  Json ids = Json::array();
  for (int i = 0; i < 40; ++i) ids.push_back(i * 7 % 60);
  write_text_file(folder / "ids.json", json_text(ids));
  const std::string reference = (folder / "reference.safetensors").string();
  const Ran made =
      firstlight({"reference", tiny_model(), "--ids", (folder / "ids.json").string(), "--out", reference, "-q"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const Ran ran = firstlight({"bringup",
                              tiny_model(),
                              "--reference",
                              reference,
                              "--policy",
                              "f32",
                              "--invariance-tokens",
                              "20",
                              "--prefill-tokens",
                              "20",
                              "--prompt-tokens",
                              "8",
                              "--generate",
                              "4",
                              "--repeats",
                              "1",
                              "--probe-seconds",
                              "0",
                              "--out",
                              (folder / "b").string(),
                              "--json"});
  ASSERT_TRUE(ran.exit_code == 0 || ran.exit_code == 1) << ran.err;  // speed is not judged here
  const Json json = ran.json();
  EXPECT_EQ(json["phases"].size(), 7U);
  for (const Json& verdict : json["verdicts"]) {
    const bool speed = verdict["phase"] == "5 performance";
    EXPECT_FALSE(verdict["outcome"] == "failed" && !speed) << verdict;
    if (verdict["name"] != "top1") continue;
    EXPECT_THAT(verdict["note"].get<std::string>(), HasSubstr("(20 prefilled, 20"));
  }
}

TEST(Bringup, AStoppedPhaseGivesItsErrorsCode) {
  const auto model = scratch_dir("truncated");
  std::filesystem::copy(tiny_model(), model, std::filesystem::copy_options::recursive);
  std::filesystem::resize_file(model / "model.safetensors", 5000);
  const auto out = scratch_dir("stopped");
  const Ran ran = firstlight({"bringup", model.string(), "--probe-seconds", "0", "--out", out.string()});
  EXPECT_EQ(ran.exit_code, 3) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("could not run"));
  EXPECT_THAT(ran.out, HasSubstr("model.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(out / "report.html"));
}

}  // namespace
}  // namespace firstlight::testing
