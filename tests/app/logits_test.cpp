// logits, reference and check write what they say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "app/program.h"
#include "firstlight/device/contract.h"
#include "firstlight/io/refpt.h"
#include "firstlight/io/safetensors.h"
#include "firstlight/tensor/tensor.h"
#include "testing/testing.h"

namespace firstlight::testing {
namespace {

using ::testing::HasSubstr;

std::vector<float> logits_of(const std::string& path, const Shape& shape) {
  const io::SafetensorsFile file(path);
  const View view = file.view("logits");
  EXPECT_EQ(view.format, Format::f32);
  EXPECT_EQ(view.shape, shape);
  std::vector<float> values(static_cast<std::size_t>(view.shape.elements()));
  copy_to_f32(view, values.data());
  return values;
}

TEST(Logits, OfEveryPositionWhateverTheChunkAndTheThreads) {
  const std::string ids = scratch_file("ids.json", "[1, 5, 96, 0, 17, 17, 40, 3, 8]");
  const std::string out = ids + ".safetensors";
  const Ran ran = firstlight({"logits", tiny_model(), "--ids", ids, "--out", out, "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.json()["shape"], (Json{9, 97}));
  const auto whole = logits_of(out, Shape{9, 97});
  for (const float value : whole) ASSERT_TRUE(std::isfinite(value));
  ASSERT_EQ(
      firstlight({"logits", tiny_model(), "--ids", ids, "--out", out, "--chunk", "2", "--threads", "1"}).exit_code, 0);
  EXPECT_EQ(logits_of(out, Shape{9, 97}), whole);

  ASSERT_EQ(firstlight({"logits", tiny_model(), "--ids", ids, "--out", out, "--device",
                        std::string(device::reference_device())})
                .exit_code,
            0);
  const auto reference = logits_of(out, Shape{9, 97});
  double error = 0;
  double size = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    error += std::pow(static_cast<double>(whole[i]) - reference[i], 2);
    size += std::pow(static_cast<double>(reference[i]), 2);
  }
  EXPECT_LE(error, 1e-9 * size);  // issue 3: the bar between devices in f32
}

TEST(Reference, CapsuleAndRefptThenCheck) {
  std::string text = "[";
  for (int i = 0; i < 40; ++i) text += (i == 0 ? "" : ", ") + std::to_string(i * 7 % 97);
  const std::string ids = scratch_file("reference_ids.json", text + "]");
  const std::string refpt = ids + ".refpt";
  const std::string capsule = ids + ".safetensors";
  const Ran ran = firstlight({"reference", tiny_model(), "--ids", ids, "--out", capsule, "--refpt", refpt, "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.json()["tokens"], 40);
  EXPECT_FALSE(ran.json()["independent"]);
  EXPECT_EQ(io::read_refpt(refpt).tokens.size(), 40U);

  // The default device agrees with the reference device in every component; both read the capsule.
  const Ran check = firstlight({"check", tiny_model(), "--policy", "f32", "--phase", "components", "--reference",
                                capsule, "--batch", "3", "--prefill-tokens", "16", "--json"});
  EXPECT_EQ(check.exit_code, 0) << check.err << check.out;
  const Json json = check.json();
  EXPECT_FALSE(json["phases"]["components"]["rows"].empty());
  for (const Json& verdict : json["verdicts"]) EXPECT_NE(verdict["outcome"], "failed") << verdict;
  // 40 tokens are too few for the target's split: they are cut in the middle, and the verdict says so.
  const Ran full = firstlight({"check", tiny_model(), "--phase", "full", "--refpt", refpt});
  EXPECT_EQ(full.exit_code, 0) << full.err;
  EXPECT_THAT(full.out, HasSubstr("(20 prefilled, 20 positions scored); the target prefills 512"));
}

TEST(Check, MissingReferenceIsBadInput) {
  const Ran ran = firstlight({"check", tiny_model(), "--phase", "full"});
  EXPECT_EQ(ran.exit_code, 3);
  EXPECT_THAT(ran.err, HasSubstr("--reference own"));
}

TEST(Check, InvarianceHolds) {
  const Ran ran =
      firstlight({"check", bundled_model(), "--phase", "invariance", "--invariance-tokens", "20", "--policy", "bf16"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("prefill = decode"));
}

}  // namespace
}  // namespace firstlight::testing
