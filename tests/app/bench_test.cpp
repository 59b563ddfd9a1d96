// bench: one line a measurement, pairs of settings, and refusals before any work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "app/program.h"

namespace firstlight::testing {
namespace {

using ::testing::HasSubstr;

std::vector<Json> lines_of(const Ran& ran) {
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  std::vector<Json> lines;
  std::istringstream stream(ran.out);
  for (std::string line; std::getline(stream, line);) lines.push_back(parse_json(line, "stdout"));
  return lines;
}

TEST(Bench, SweepsAsLines) {
  const auto lines = lines_of(
      firstlight({"bench", bundled_model(), "--policy", "bf16,bfp8", "--prompt", "8", "--batch", "1,2", "--generate",
                  "2", "--repeats", "1", "--probe-seconds", "0.01", "--threads", "1", "--json"}));
  ASSERT_EQ(lines.size(), 8U);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Json& line = lines[i];
    EXPECT_EQ(line["phase"], i % 2 == 0 ? "prefill" : "decode");
    EXPECT_EQ(line["policy"], i < 4 ? "bf16" : "bfp8");
    EXPECT_EQ(line["batch"], i % 4 < 2 ? 1 : 2);
    EXPECT_EQ(line["prompt"], 8);
    EXPECT_EQ(line["depth"], 0);
    EXPECT_EQ(line["threads"], 1);
    for (const char* field : {"tokens_per_s", "tokens_per_s_per_user", "bytes_per_step", "flops_per_step",
                              "share_of_bandwidth", "share_of_peak", "rss_bytes"})
      EXPECT_GT(line[field], 0) << field;
    EXPECT_EQ(line["spread"], 0);  // of one repeat
  }
}

TEST(Bench, TwoSettingsInTurns) {
  const std::vector<std::string> call = {"bench",           bundled_model(),
                                         "--policy",        "bf16",
                                         "--prompt",        "8",
                                         "--generate",      "2",
                                         "--repeats",       "2",
                                         "--versus",        "policy=bfp8,threads=1,chunk=4",
                                         "--probe-seconds", "0"};
  std::vector<std::string> as_json = call;
  as_json.emplace_back("--json");
  const auto lines = lines_of(firstlight(as_json));
  ASSERT_EQ(lines.size(), 6U);  // a and b of each phase, then the ratio of each phase
  EXPECT_EQ(lines[1]["policy"], "bfp8");
  EXPECT_EQ(lines[1]["threads"], 1);
  EXPECT_EQ(lines[1]["chunk"], 4);
  const Json& ratio = lines[4];
  EXPECT_EQ(ratio["phase"], "prefill");
  EXPECT_EQ(ratio["b"]["policy"], "bfp8");
  EXPECT_EQ(ratio["pairs"], 2);
  EXPECT_LE(ratio["ratio_low"], ratio["ratio"]);
  EXPECT_GE(ratio["ratio_high"], ratio["ratio"]);
  EXPECT_THAT(firstlight(call).out, HasSubstr("A / B"));
}

TEST(Bench, RefusesBeforeAnyWork) {
  struct Wrong {
    std::vector<std::string> arguments;
    int exit_code;
    std::string says;
  };
  const Wrong kWrong[] = {
      {{"--batch", "1,0"}, 2, "--batch"},
      {{"--prompt", "0", "--generate", "0"}, 2, "nothing to measure"},
      {{"--prompt", "99999999"}, 2, "positions"},
      {{"--policy", "bf16,"}, 2, "empty name"},
      {{"--policy", "bf16,no_such"}, 2, "no_such"},
      {{"--policy", R"(bf16,{"base": "bf16", "keys": {"no.such.component": "f32"}})"}, 2, "no.such.component"},
      {{"--versus", "policy"}, 2, "NAME=VALUE"},
      {{"--versus", "threads=two"}, 2, "two"},
      {{"--versus", "speed=11"}, 2, "policy, device, isa, threads, chunk"},
      {{"--versus", "policy=bfp8", "--repeats", "1"}, 2, "--repeats"},
      {{"--versus", "isa=no_such"}, 2, "no_such"},
      {{"--batch", "1,1000000000"}, 6, "1000000000 users"},
  };
  for (const Wrong& wrong : kWrong) {
    std::vector<std::string> call = {"bench", bundled_model()};
    call.insert(call.end(), wrong.arguments.begin(), wrong.arguments.end());
    SCOPED_TRACE(wrong.says);
    const Ran ran = firstlight(call);
    EXPECT_EQ(ran.exit_code, wrong.exit_code) << ran.err;
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, HasSubstr(wrong.says));
  }
}

}  // namespace
}  // namespace firstlight::testing
