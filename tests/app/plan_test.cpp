// plan: tables for people, JSON for machines, one clear error for each wrong word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/program.h"
#include "firstlight/base/file.h"
#include "testing/testing.h"

namespace firstlight::testing {
namespace {

using ::testing::HasSubstr;

std::string config() { return bundled_model() + "/config.json"; }

TEST(Plan, AConfigAloneIsEnough) {
  const Json plan = firstlight({"plan", config(), "--board", "n150", "--json"}).json();
  EXPECT_EQ(plan["board"], "N150");
  EXPECT_TRUE(plan["fit"]["fits"]);
  EXPECT_GT(plan["speed"]["tokens_per_s_per_user"], 1);
  EXPECT_FALSE(plan["speed"]["decode"]["ops"].empty());
  EXPECT_EQ(plan["maxima"].size(), 3U);
  EXPECT_FALSE(plan["levers"].empty());
  for (const auto& [name, constant] : plan["constants"]["constants"].items())
    EXPECT_FALSE(constant["source"].get<std::string>().empty()) << name;
  const Ran table = firstlight({"plan", config(), "--board", "n150"});
  EXPECT_EQ(table.exit_code, 0);
  for (const char* words : {"Fits: yes", "DRAM of one chip", "L1 of the fullest core", "Decode step", "Prefill",
                            "Theoretical maximum", "Levers", "Assumed constants", "sharded_share"})
    EXPECT_THAT(table.out, HasSubstr(words));
}

TEST(Plan, EveryBoardInOneTable) {
  const Json plans = firstlight({"plan", config(), "--json"}).json();
  EXPECT_EQ(plans.size(), firstlight({"list", "boards", "--json"}).json().size());
  EXPECT_THAT(firstlight({"plan", config()}).out, HasSubstr("LONGEST CONTEXT"));
}

TEST(Plan, ATableOfDimensionsAndAUsersBoard) {
  const auto folder = scratch_dir("plan");
  write_text_file(folder / "dims.json", R"({"A-1B": {"architecture": "X", "num_hidden_layers": 16, "hidden_size": 2048,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 8192,
    "vocab_size": 128256, "max_position_embeddings": 131072, "tie_word_embeddings": true},
    "B": {"num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 2, "intermediate_size": 96,
    "vocab_size": 128}})");
  const std::string dims = (folder / "dims.json").string();
  EXPECT_EQ(firstlight({"plan", dims, "--board", "n150", "--json"}).json().size(), 2U);
  EXPECT_EQ(firstlight({"plan", dims, "--entry", "A-1B", "--board", "t3k", "--json"}).json()["model"], "A-1B");
  const Ran unknown = firstlight({"plan", dims, "--entry", "C", "--board", "n150"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("A-1B"));
  write_text_file(folder / "bad.json", R"({"name": "Bad"})");
  const Ran board = firstlight({"plan", dims, "--entry", "B", "--board", (folder / "bad.json").string()});
  EXPECT_EQ(board.exit_code, 3);
  EXPECT_THAT(board.err, HasSubstr("summary"));
}

TEST(Plan, WrongWordsAreOneClearError) {
  const auto error = [](std::vector<std::string> more) {
    std::vector<std::string> words = {"plan", config()};
    words.insert(words.end(), more.begin(), more.end());
    const Ran ran = firstlight(words);
    return std::pair{ran.exit_code, ran.err};
  };
  const auto board = error({"--board", "n151"});
  EXPECT_EQ(board.first, 2);
  EXPECT_THAT(board.second, HasSubstr("N150"));
  const auto policy = error({"--board", "n150", "--policy", "performanc"});
  EXPECT_EQ(policy.first, 2);
  EXPECT_THAT(policy.second, HasSubstr("performance"));
  const auto fidelity =
      error({"--board", "n150", "--policy", "precision_cfg = {ff2: bfp4}, fidelity_cfg = {li_ff2: hifi5}"});
  EXPECT_EQ(fidelity.first, 2);
  EXPECT_THAT(fidelity.second, HasSubstr("hifi5"));
  const auto key = error({"--board", "n150", "--policy", R"({"decoders": {"0": {"precision_cfg": {"FF9": "BFP8"}}}})"});
  EXPECT_EQ(key.first, 3);
  EXPECT_THAT(key.second, HasSubstr("FF9"));
  EXPECT_EQ(error({"--board", "n150", "--sampling", "moon"}).first, 2);
  EXPECT_EQ(error({"--board", "n150", "--replicas", "2"}).first, 2);
  EXPECT_EQ(error({"--board", "n150", "--timing", "nobody"}).first, 2);
  EXPECT_EQ(error({"--board", "n150", "--batch", "0"}).first, 2);
}

}  // namespace
}  // namespace firstlight::testing
