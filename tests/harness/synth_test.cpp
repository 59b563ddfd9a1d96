// Synthetic checkpoints: every family loads and computes, the bytes follow the seed alone, and errors leave nothing.
#include "firstlight/harness/synth.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

#include "firstlight/base/file.h"
#include "firstlight/harness/random_weights.h"
#include "firstlight/model/model.h"
#include "harness/engines.h"

namespace firstlight::harness {
namespace {

namespace fs = std::filesystem;
using ::testing::Each;
using ::testing::ElementsAre;
using testing::expect_error;
using ::testing::HasSubstr;
using testing::scratch_dir;

fs::path config_file(std::string_view text) {
  const fs::path path = scratch_dir("synth") / "config.json";
  write_text_file(path, text);
  return path;
}

std::string read_all(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(Synth, EveryFamilyLoadsAndComputes) {
  Executor executor(2);
  for (const model::ModelRow& row : model::models()) {
    SCOPED_TRACE(row.model_type);
    const fs::path out = scratch_dir("synth") / "made";
    const SynthResult made =
        synthesize(config_file(row.tiny_config), out,
                   {.seed = 3, .format = Format::bf16, .max_shard_bytes = 5000, .tokenizer = std::nullopt}, executor);
    EXPECT_EQ(made.bytes, 2 * static_cast<std::uint64_t>(made.parameters));
    EXPECT_GT(made.files.size(), 3U);  // sharded
    for (const std::string& file : made.files) EXPECT_TRUE(fs::exists(out / file)) << file;
    Rig rig = make_rig(out, "cpu");  // the ledger refuses a tensor too many or too few
    const model::Description& d = rig.engine->model().description();
    const HostTensor logits =
        pipeline::logits(rig.engine->session(), rig.engine->model(), random_ids(9, d.vocab_size), 0);
    double power = 0;
    for (const float value : logits.f32()) {
      ASSERT_TRUE(std::isfinite(value));
      power += static_cast<double>(value) * value;
    }
    const double rms = std::sqrt(power / static_cast<double>(logits.f32().size()));
    EXPECT_GT(rms, 0.05);  // neither vanished nor blown up
    EXPECT_LT(rms, 50);
  }
}

TEST(Synth, BytesFollowTheSeedAndNothingElse) {
  const fs::path config = config_file(model::models()[0].tiny_config);
  const auto make = [&](std::uint64_t seed, int threads, std::uint64_t shard) {
    const fs::path out = scratch_dir("synth") / "made";
    Executor executor(threads);
    synthesize(config, out, {.seed = seed, .format = Format::f32, .max_shard_bytes = shard, .tokenizer = std::nullopt},
               executor);
    return out;
  };
  const std::string one = read_all(make(1, 1, 1 << 30) / "model.safetensors");
  EXPECT_EQ(one, read_all(make(1, 3, 1 << 30) / "model.safetensors"));
  EXPECT_NE(one, read_all(make(2, 1, 1 << 30) / "model.safetensors"));
  const io::Checkpoint whole(make(1, 1, 1 << 30));
  const io::Checkpoint sharded(make(1, 2, 3000));
  EXPECT_GT(sharded.files().size(), 2U);
  for (const std::string& name : whole.names())
    EXPECT_TRUE(std::ranges::equal(whole.bytes(name), sharded.bytes(name))) << name;
}

TEST(Synth, TheFolderMustBeEmptyAndFailureLeavesNothing) {
  Executor executor(1);
  const fs::path config = config_file(model::models()[0].tiny_config);
  const fs::path parent = scratch_dir("synth");
  fs::create_directories(parent / "full");
  write_text_file(parent / "full" / "note", "mine");
  EXPECT_EQ(expect_error([&] { synthesize(config, parent / "full", {}, executor); }).category(), Category::kUsage);
  EXPECT_EQ(expect_error([&] { synthesize(config, parent / "full" / "note", {}, executor); }).category(),
            Category::kUsage);
  EXPECT_EQ(read_all(parent / "full" / "note"), "mine");

  const Error unknown =
      expect_error([&] { synthesize(config_file(R"({"model_type": "no_such_thing"})"), parent / "a", {}, executor); });
  EXPECT_EQ(unknown.category(), Category::kUnsupported);
  EXPECT_EQ(expect_error([&] { synthesize(parent / "absent.json", parent / "a", {}, executor); }).category(),
            Category::kBadInput);
  SynthOptions blocks;
  blocks.format = Format::bfp8;
  EXPECT_EQ(expect_error([&] { synthesize(config, parent / "a", blocks, executor); }).category(), Category::kUsage);
  // A few petabytes.
  std::string huge(model::models()[0].tiny_config);
  for (const char* field : {"vocab_size", "hidden_size", "intermediate_size"}) {
    const auto at = huge.find(':', huge.find(field));
    huge.replace(at + 1, huge.find(',', at) - at - 1, " 16000000");
  }
  EXPECT_EQ(expect_error([&] { synthesize(config_file(huge), parent / "a", {}, executor); }).category(),
            Category::kResource);
  for (const auto& entry : fs::directory_iterator(parent)) EXPECT_EQ(entry.path().filename(), "full");

  // What a killed run left goes away with the next one; what a living process writes stays.
  fs::create_directories(parent / "b.999999999.partial");
  fs::create_directories(parent / "b.1.partial");
  fs::create_directories(parent / "b");  // empty is as good as absent
  synthesize(config, parent / "b", {}, executor);
  EXPECT_TRUE(fs::exists(parent / "b" / "config.json"));
  EXPECT_FALSE(fs::exists(parent / "b.999999999.partial"));
  EXPECT_TRUE(fs::exists(parent / "b.1.partial"));
}

TEST(Synth, CopiesTheTokenizerThatFits) {
  Executor executor(1);
  const fs::path model = testing::source_dir() / "models" / "phi3-nano";
  const fs::path out = scratch_dir("synth") / "made";
  SynthOptions options;
  options.tokenizer = model;
  synthesize(model, out, options, executor);
  EXPECT_EQ(read_all(out / "tokenizer.json"), read_all(model / "tokenizer.json"));
  EXPECT_EQ(read_all(out / "config.json"), read_all(model / "config.json"));
  const fs::path small = config_file(model::models()[0].tiny_config);
  EXPECT_EQ(expect_error([&] { synthesize(small, scratch_dir("synth") / "x", options, executor); }).category(),
            Category::kMismatch);
}

// A fused projection read in parts, and one put together of tensors whose shapes only the others' tell.
TEST(RandomTensors, ShapesFollowFromAllDeclarations) {
  run::WeightPlanSink plan;
  const auto linear = [&](const char* key, std::int64_t outputs, run::WeightExpr source) {
    plan.linear(key, run::Group::kWqkv, 8, outputs, std::move(source));
  };
  linear("q", 6, run::WeightExpr::rows("qkv", 0, 6));
  linear("k", 2, run::WeightExpr::rows("qkv", 6, 8));
  run::WeightExpr both("left");
  both.parts.push_back({"right", 0, -1});
  linear("both", 10, both);
  linear("again", 3, "left");
  run::WeightExpr thirds("t0");
  thirds.parts.push_back({"t1", 0, -1});
  thirds.parts.push_back({"t2", 0, -1});
  thirds.transposed = true;
  linear("thirds", 12, thirds);
  plan.vector("norm", 5, "norm.weight");
  plan.vector("q.bias", 6, "q.bias");
  std::vector<std::string> found;
  for (const RandomTensor& tensor : random_tensors(plan.requests()))
    found.push_back(tensor.name + tensor.shape.str() + (tensor.centre == 1 ? " around 1" : ""));
  EXPECT_THAT(found, ElementsAre("qkv[8, 8]", "left[3, 8]", "right[7, 8]", "t0[8, 4]", "t1[8, 4]", "t2[8, 4]",
                                 "norm.weight[5] around 1", "q.bias[6]"));

  run::WeightExpr open("u0");
  open.parts.push_back({"u1", 0, -1});
  linear("open", 7, open);
  EXPECT_THAT(expect_error([&] { random_tensors(plan.requests()); }).what(), HasSubstr("open"));
}

// Mean, deviation and kurtosis of a normal distribution, and the same values whatever the pieces.
TEST(RandomValues, AreNormalAndInPlace) {
  constexpr std::int64_t kCount = 1 << 20;
  Executor executor(2);
  const RandomValues values({"w", Shape{kCount}, 2, 3}, Format::f32, 7);
  std::vector<float> all(kCount);
  values.fill(0, std::as_writable_bytes(std::span(all)), executor);
  double mean = 0;
  for (const float v : all) mean += v / static_cast<double>(kCount);
  double second = 0;
  double fourth = 0;
  for (const float v : all) {
    const double square = (v - mean) * (v - mean);
    second += square / static_cast<double>(kCount);
    fourth += square * square / static_cast<double>(kCount);
  }
  // Five standard errors: 3/sqrt(n), 9 sqrt(2/n), sqrt(24/n).
  EXPECT_NEAR(mean, 2, 5 * 3 / std::sqrt(kCount));
  EXPECT_NEAR(second, 9, 5 * 9 * std::sqrt(2.0 / kCount));
  EXPECT_NEAR(fourth / (second * second), 3, 5 * std::sqrt(24.0 / kCount));
  std::vector<float> part(1003);
  values.fill(8 * 1000, std::as_writable_bytes(std::span(part)), executor);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin() + 8000));
  const RandomValues other({"v", Shape{kCount}, 2, 3}, Format::f32, 7);
  other.fill(8 * 1000, std::as_writable_bytes(std::span(part)), executor);
  EXPECT_FALSE(std::equal(part.begin(), part.end(), all.begin() + 8000));
}

}  // namespace
}  // namespace firstlight::harness
