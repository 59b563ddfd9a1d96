// Wrong calls and wrong input: one clear error each, with its exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "app/program.h"
#include "firstlight/base/file.h"
#include "testing/testing.h"

namespace firstlight::testing {
namespace {

using ::testing::HasSubstr;

struct Wrong {
  std::vector<std::string> arguments;
  int exit_code;
  std::vector<std::string> says;  // parts of stderr
};

void expect_wrong(const Wrong& wrong) {
  const Ran ran = firstlight(wrong.arguments);
  std::string line = "firstlight";
  for (const std::string& argument : wrong.arguments) line += " " + argument;
  SCOPED_TRACE(line);
  EXPECT_EQ(ran.exit_code, wrong.exit_code);
  EXPECT_EQ(ran.out, "");
  EXPECT_TRUE(ran.err.starts_with("firstlight: ")) << ran.err;
  EXPECT_LE(std::count(ran.err.begin(), ran.err.end(), '\n'), 2) << ran.err;
  for (const std::string& part : wrong.says) EXPECT_THAT(ran.err, HasSubstr(part));
}

TEST(Usage, UnknownNamesAreSuggested) {
  expect_wrong({{"genrate", "m"}, 2, {"unknown verb 'genrate'", "did you mean 'generate'?", "firstlight --help"}});
  expect_wrong({{"zzzzzz"}, 2, {"unknown verb 'zzzzzz'"}});
  expect_wrong({{"--frobnicate"}, 2, {"--frobnicate"}});
  expect_wrong({{"generate", "m", "--temprature", "0.5"},
                2,
                {"'--temprature'", "'--temperature'", "firstlight generate --help"}});
  expect_wrong({{"list", "model"}, 2, {"'model'", "did you mean 'models'?"}});
  expect_wrong({{"list", "models", "more"}, 2, {"unexpected argument 'more'"}});
}

TEST(Usage, SynthChecksBeforeItWrites) {
  const std::string config = tiny_model() + "/config.json";
  const std::string out = (scratch_dir("synth_refused") / "made").string();
  expect_wrong({{"synth", config}, 2, {"--out"}});
  expect_wrong({{"synth", "/no/such.json", "--out", out}, 3, {"/no/such.json"}});
  expect_wrong({{"synth", config, "--out", tiny_model()}, 2, {"not empty"}});
  expect_wrong({{"synth", config, "--out", out, "--dtype", "bfp8"}, 2, {"--dtype", "bfp8"}});
  for (const char* size : {"0", "5 GB", "-1", "GB", "99999999999TB", "5gb"})
    expect_wrong({{"synth", config, "--out", out, std::string("--max-shard-size=") + size}, 2, {"--max-shard-size"}});
  expect_wrong({{"synth", scratch_file("synth/unknown.json", R"({"model_type": "no_such_thing"})"), "--out", out},
                4,
                {"no_such_thing", "known"}});
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST(Usage, ValuesAreChecked) {
  expect_wrong({{"generate"}, 2, {"MODEL"}});
  expect_wrong({{"generate", bundled_model()}, 2, {"--prompt"}});
  expect_wrong({{"generate", bundled_model(), "--prompt", "a", "--ids", "b"}, 2, {"one of"}});
  expect_wrong({{"generate", bundled_model(), "--prompt", "a", "--top-p", "2"}, 2, {"--top-p", "2"}});
  expect_wrong({{"generate", bundled_model(), "--prompt", "a", "--max-new-tokens", "x"}, 2, {"--max-new-tokens", "x"}});
  expect_wrong({{"generate", bundled_model(), "--prompt", "a", "--max-new-tokens", "99999999999999999999"},
                2,
                {"--max-new-tokens"}});
  expect_wrong({{"generate", bundled_model(), "--prompt", "a", "--batch", "33"}, 2, {"--batch"}});
  expect_wrong({{"bench", bundled_model(), "--batch", "1,0"}, 2, {"--batch"}});
  expect_wrong({{"generate", bundled_model(), "--prompt", "a", "--device", "tpu"}, 2, {"--device", "tpu"}});
  expect_wrong({{"generate", bundled_model(), "--prompt", "a", "--policy", "f31"}, 2, {"f31"}});
  expect_wrong({{"generate", bundled_model(), "--prompt", "a", "--isa", "mmx"}, 2, {"--isa", "mmx"}});
  expect_wrong({{"bringup", bundled_model(), "--target", "moon"}, 2, {"moon", "bounty"}});
  expect_wrong({{"inspect", bundled_model(), "--board", "moon"}, 2, {"moon"}});
  expect_wrong({{"reference", bundled_model()}, 2, {"--out"}});
}

TEST(Usage, MissingFilesAreNamed) {
  for (const char* verb : {"bringup", "inspect", "check", "bench"})
    expect_wrong({{verb, "/no/such/model"}, 3, {"/no/such/model"}});
  expect_wrong({{"generate", "/no/such/model", "--prompt", "a"}, 3, {"/no/such/model"}});
  expect_wrong({{"chat", "/no/such/model"}, 3, {"/no/such/model"}});
  expect_wrong({{"reference", "/no/such/model", "--out", "x"}, 3, {"/no/such/model"}});
  expect_wrong({{"logits", "/no/such/model", "--ids", "i", "--out", "x"}, 3, {"/no/such/model"}});
  expect_wrong({{"logits", bundled_model(), "--ids", "/no/ids.json", "--out", "x"}, 3, {"/no/ids.json"}});
  expect_wrong({{"report", "/no/record.jsonl"}, 3, {"/no/record.jsonl"}});
  expect_wrong({{"check", bundled_model(), "--reference", "/no/reference"}, 3, {"/no/reference"}});
  expect_wrong({{"bringup", bundled_model(), "--reference", "/no/reference"}, 3, {"/no/reference"}});
  expect_wrong({{"generate", bundled_model(), "--prompt", ""}, 3, {"no tokens"}});
  expect_wrong({{"chat", tiny_model()}, 3, {"llama_plain"}});
}

TEST(Usage, IdsAreChecked) {
  const auto wrong = [](const std::string& text, const std::string& says) {
    const std::string ids = scratch_file("wrong_ids.json", text);
    expect_wrong({{"logits", tiny_model(), "--ids", ids, "--out", ids + ".out"}, 3, {"wrong_ids.json", says}});
    EXPECT_FALSE(std::filesystem::exists(ids + ".out"));
  };
  wrong("[]", "empty");
  wrong("{}", "list");
  wrong("[1, 2", "wrong_ids.json");
  wrong("[1, -2]", "entry 1");
  wrong("[1, 2.5]", "entry 1");
  wrong("[1, \"2\"]", "entry 1");
  wrong("[1, 97]", "97");
  wrong("[99999999999]", "entry 0");
}

TEST(Usage, UnknownArchitectureNamesTheNearest) {
  const auto folder = scratch_dir("unknown_architecture");
  write_text_file(folder / "config.json", R"({"model_type": "lama", "architectures": ["LamaForCausalLM"]})");
  expect_wrong({{"generate", folder.string(), "--prompt", "a"}, 4, {"lama", "llama"}});
  // inspect answers, and exits as the verbs that refuse.
  const Ran ran = firstlight({"inspect", folder.string()});
  EXPECT_EQ(ran.exit_code, 4);
  EXPECT_EQ(firstlight({"inspect", folder.string(), "--json"}).exit_code, 4);
  EXPECT_THAT(ran.out, HasSubstr("not supported"));
  EXPECT_THAT(ran.out, HasSubstr("llama"));
}

TEST(Usage, CountingDeviceHasNoResults) {
  expect_wrong({{"generate", bundled_model(), "--prompt", "a", "--device", "null"}, 4, {"computes nothing"}});
}

TEST(Usage, JsonErrorsAreOneObject) {
  const Ran ran = firstlight({"generate", "/no/such/model", "--prompt", "a", "--json"});
  EXPECT_EQ(ran.exit_code, 3);
  const Json error = ran.json()["error"];
  EXPECT_EQ(error["category"], "bad input");
  EXPECT_EQ(error["exit_code"], 3);
  EXPECT_EQ(error["where"], "/no/such/model");
  EXPECT_THAT(ran.err, HasSubstr(error["message"].get<std::string>()));
  EXPECT_EQ(firstlight({"bench", "--json"}).json()["error"]["exit_code"], 2);
}

}  // namespace
}  // namespace firstlight::testing
