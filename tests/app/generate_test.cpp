// generate and chat.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "app/program.h"

namespace firstlight::testing {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> sampled(const std::string& seed, const std::string& batch) {
  return {"generate",         bundled_model(),
          "--prompt",         "It was the best of times",
          "--max-new-tokens", "12",
          "--temperature",    "1.2",
          "--top-k",          "50",
          "--top-p",          "0.95",
          "--seed",           seed,
          "--batch",          batch,
          "--ignore-eos",     "--json"};
}

TEST(Generate, DependsOnTheSeedAndNotOnTheBatch) {
  const Json one = firstlight(sampled("7", "1")).json();
  EXPECT_EQ(firstlight(sampled("7", "1")).json()["users"][0]["ids"], one["users"][0]["ids"]);
  EXPECT_NE(firstlight(sampled("8", "1")).json()["users"][0]["ids"], one["users"][0]["ids"]);
  const Json five = firstlight(sampled("7", "5")).json();
  ASSERT_EQ(five["users"].size(), 5U);
  EXPECT_EQ(five["users"][0]["ids"], one["users"][0]["ids"]);
  EXPECT_EQ(five["users"][0]["text"], one["users"][0]["text"]);
  EXPECT_NE(five["users"][1]["ids"], five["users"][0]["ids"]);
  EXPECT_EQ(one["users"][0]["ids"].size(), 12U);
  EXPECT_EQ(one["users"][0]["finish"], "length");
  EXPECT_GT(one["users"][0]["time_to_first_token_ms"], 0);
  EXPECT_EQ(one["step_ms"].size(), 11U);
}

TEST(Generate, StreamsTheTextToStdoutAndTimesToStderr) {
  const std::vector<std::string> call = {"generate", bundled_model(), "--prompt", "It was the best of times", "-n",
                                         "10"};
  const Ran plain = firstlight(call);
  EXPECT_EQ(plain.exit_code, 0) << plain.err;
  auto with_json = call;
  with_json.emplace_back("--json");
  EXPECT_EQ(plain.out, firstlight(with_json).json()["users"][0]["text"].get<std::string>() + "\n");
  EXPECT_THAT(plain.err, HasSubstr("t/s/u"));
  auto quiet = call;
  quiet.emplace_back("--quiet");
  EXPECT_EQ(firstlight(quiet).err, "");
}

TEST(Generate, PromptsOfAFileAreUsers) {
  const std::string file = scratch_file("prompts.json", R"(["It was", {"prompt": "The night"}])");
  const Json json = firstlight({"generate", bundled_model(), "-f", file, "-n", "3", "--json"}).json();
  ASSERT_EQ(json["users"].size(), 2U);
  EXPECT_EQ(json["users"][1]["prompt"], "The night");
  EXPECT_EQ(
      json["users"][1]["ids"],
      firstlight({"generate", bundled_model(), "-p", "The night", "-n", "3", "--json"}).json()["users"][0]["ids"]);
  const Ran text = firstlight({"generate", bundled_model(), "-f", file, "-n", "3", "-b", "3"});
  EXPECT_THAT(text.out, HasSubstr("--- user 2: It was\n"));
  EXPECT_EQ(firstlight({"generate", bundled_model(), "-f", file, "-b", "1"}).exit_code, 2);
  EXPECT_EQ(firstlight({"generate", bundled_model(), "-f", "-", "-n", "3", "--json"}, "The night\n")
                .json()["users"][0]["ids"],
            json["users"][1]["ids"]);
}

TEST(Generate, IdsNeedNoTokenizer) {
  const std::string ids = scratch_file("prompt_ids.json", "[3, 1, 4, 1, 5]");
  const Ran ran = firstlight({"generate", tiny_model(), "--ids", ids, "-n", "4", "--ignore-eos"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(parse_json(ran.out, "stdout").size(), 4U);
  EXPECT_EQ(firstlight({"generate", tiny_model(), "--prompt", "a"}).exit_code, 3);  // it has no tokenizer
}

TEST(Chat, OneTurnAndSeveral) {
  const std::vector<std::string> flags = {"chat", bundled_model(), "-n", "6", "--ignore-eos", "--json"};
  auto one = flags;
  one.insert(one.end(), {"--prompt", "Who are you?"});
  const Ran turn = firstlight(one);
  ASSERT_EQ(turn.exit_code, 0) << turn.err;
  const Json first = turn.json();
  EXPECT_EQ(first["ids"].size(), 6U);

  // Two turns, a reset, and the first again: the same reply, and the second turn reused the first's cache.
  const Ran several = firstlight(flags, "Who are you?\nAnd then?\n/reset\nWho are you?\n/exit\nnever read\n");
  ASSERT_EQ(several.exit_code, 0) << several.err;
  std::vector<Json> turns;
  std::istringstream lines(several.out);
  for (std::string line; std::getline(lines, line);) turns.push_back(parse_json(line, "stdout"));
  ASSERT_EQ(turns.size(), 3U);
  EXPECT_EQ(turns[0]["text"], first["text"]);
  EXPECT_GT(turns[1]["reused_tokens"], 0);
  EXPECT_GT(turns[1]["prompt_tokens"], turns[0]["prompt_tokens"]);
  EXPECT_EQ(turns[2]["ids"], turns[0]["ids"]);
  EXPECT_EQ(turns[2]["reused_tokens"], 0);
}

}  // namespace
}  // namespace firstlight::testing
