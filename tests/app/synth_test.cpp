// synth: what it writes loads and runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/program.h"
#include "testing/testing.h"

namespace firstlight::testing {
namespace {

using ::testing::HasSubstr;

TEST(Synth, WritesWhatLoadsAndRuns) {
  const std::string out = (scratch_dir("synth_written") / "made").string();
  const Ran made = firstlight({"synth", bundled_model(), "--out", out, "--seed", "7", "--tokenizer", bundled_model(),
                               "--max-shard-size", "2MB", "--json"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const Json json = made.json();
  EXPECT_EQ(json["seed"], 7);
  EXPECT_EQ(json["bytes"], 2 * json["parameters"].get<std::int64_t>());
  EXPECT_GT(json["files"].size(), 4U);
  const Json inspected = firstlight({"inspect", out, "--json"}).json();
  EXPECT_EQ(inspected["parameters"], json["parameters"]);
  EXPECT_EQ(inspected["unplaced_tensors"].size(), 0U);
  const Ran text = firstlight({"generate", out, "--prompt", "It was", "--max-new-tokens", "4", "--json"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(firstlight({"synth", bundled_model(), "--out", out}).err, HasSubstr("not empty"));
}

}  // namespace
}  // namespace firstlight::testing
