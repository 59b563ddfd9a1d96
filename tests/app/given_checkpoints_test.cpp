// Checkpoints that are given beside the source: a converted one tells its documented story, tiny ones load or are
// refused for the right reason. Skipped where the data is absent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "app/program.h"
#include "firstlight/base/file.h"
#include "testing/testing.h"

namespace firstlight::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The text after the first command of the document, up to the fence that closes it.
std::string documented_story(const std::string& document) {
  const std::size_t command = document.find("-t 0.0\n");
  if (command == std::string::npos) return "";
  const std::size_t begin = command + 7;
  return document.substr(begin, document.find("\n```", begin) - begin);
}

TEST(GivenCheckpoints, StoriesAreToldAsDocumented) {
  FL_SHARED_OR_SKIP(stories, "data/weights/llama2c-stories260K");
  if (std::system("python3 -c '' 2>/dev/null") != 0) GTEST_SKIP() << "the converter needs python3";
  const auto folder = scratch_dir("stories");
  const std::string convert = "python3 '" + (source_dir() / "tools" / "llama2c_to_hf.py").string() + "' '" +
                              (stories / "stories260K.bin").string() + "' '" + (stories / "tok512.bin").string() +
                              "' '" + folder.string() + "' > /dev/null";
  ASSERT_EQ(std::system(convert.c_str()), 0);
  const std::string story = documented_story(read_text_file(stories / "stories260K.expected.md"));
  const std::string prompt = "Once upon a time";
  ASSERT_THAT(story, StartsWith(prompt));
  // 256 tokens after the begin token, as run.c makes by default: four of the prompt, and what follows.
  for (const char* device : {"ref", "cpu"}) {
    const Ran ran = firstlight({"generate", folder.string(), "--prompt", prompt, "--max-new-tokens", "252",
                                "--temperature", "0", "--policy", "f32", "--device", device});
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
    std::string told = prompt + ran.out;
    while (told.ends_with('\n')) told.pop_back();
    EXPECT_EQ(told, story) << device;
  }
}

TEST(GivenCheckpoints, TinyOnesLoad) {
  FL_SHARED_OR_SKIP(tiny, "data/weights/hf-synthetic");
  const std::string ids = scratch_file("ids.json", "[1, 200, 3, 77]");
  const auto logits = [&](const char* name) {
    return firstlight({"logits", (tiny / name).string(), "--ids", ids, "--out", ids + ".safetensors"});
  };
  EXPECT_EQ(logits("tiny_llama3").exit_code, 0);
  EXPECT_EQ(logits("tiny_qwen3").exit_code, 0);
  // 4-bit codes with scales and biases of their own: the config says so in a field that no model reads.
  const Ran quantised = logits("tiny_qwen3_sharded_mlx4bit");
  EXPECT_EQ(quantised.exit_code, 5) << quantised.err;
  EXPECT_THAT(quantised.err, HasSubstr("quantization"));
}

}  // namespace
}  // namespace firstlight::testing
