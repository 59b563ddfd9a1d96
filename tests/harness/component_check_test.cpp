// The component check finds a planted error at its own component, and invariance finds a planted state bug.
#include "firstlight/harness/component_check.h"

#include <algorithm>

#include "firstlight/harness/invariance.h"
#include "firstlight/io/safetensors.h"
#include "harness/engines.h"

namespace firstlight::harness {
namespace {

ComponentOptions small_options() {
  ComponentOptions options;
  options.batch = 5;
  options.context = 9;
  options.prefill_tokens = 24;
  return options;
}

const ComponentRow& row_of(const ComponentCheck& check, const std::string& key, const std::string& phase) {
  const auto found =
      std::ranges::find_if(check.rows, [&](const ComponentRow& r) { return r.key == key && r.phase == phase; });
  EXPECT_NE(found, check.rows.end()) << key;
  return *found;
}

TEST(ComponentCheck, FastDeviceAgreesInBothPhases) {
  Rig reference = make_rig(golden("phi3_sliding_window"), device::reference_device());
  Rig fast = make_rig(golden("phi3_sliding_window"), device::default_device());
  const auto ids = random_ids(64, reference.engine->model().description().vocab_size);
  const ComponentCheck check = check_components(*reference.engine, *fast.engine, ids, small_options());
  ASSERT_FALSE(check.rows.empty());
  EXPECT_EQ(check.rows.front().phase, "decode");  // decode comes first
  EXPECT_EQ(check.rows.back().phase, "prefill");
  for (const ComponentRow& row : check.rows) {
    EXPECT_LT(row.forced.nmse, 1e-10) << row.key << " " << row.phase;
    EXPECT_LT(row.cumulative.nmse, 1e-9) << row.key << " " << row.phase;
    ASSERT_TRUE(row.own) << row.key;
    EXPECT_TRUE(row.own->within()) << row.key << " " << row.phase;
    EXPECT_LT(row.own->bound, 1e-4) << row.key << " " << row.phase;
  }
  EXPECT_TRUE(all_passed(verdicts(check, Target::load("bounty"))));
}

// A chip's numbers against the reference: each component's error, in both phases and with windows, experts, biases.
TEST(ComponentCheck, EmulatedChipsStayWithinTheComputedBound) {
  int emulated = 0;
  for (const device::DeviceRow& row : device::devices()) {
    if (!row.emulates) continue;
    ++emulated;
    for (const char* checkpoint : {"phi3_sliding_window", "mixtral_published_names", "gpt2_plain"})
      for (const char* policy : {"performance", "accuracy", "bf16"}) {
        Rig reference = make_rig(golden(checkpoint), device::reference_device());
        Rig chip = make_rig(golden(checkpoint), row.name, policy);
        const auto ids = random_ids(64, reference.engine->model().description().vocab_size);
        const ComponentCheck check = check_components(*reference.engine, *chip.engine, ids, small_options());
        for (const ComponentRow& component : check.rows) {
          SCOPED_TRACE(fmt::format("{} {} {} {}", checkpoint, policy, component.key, component.phase));
          ASSERT_TRUE(component.own);
          EXPECT_TRUE(component.own->within());
          EXPECT_LE(component.own->error, component.own->bound);
          EXPECT_LE(component.own->arithmetic, component.own->arithmetic_bound);
        }
        const auto list = verdicts(check, Target::load("bounty"));
        const auto bound = std::ranges::find(list, "own error within its bound", &Verdict::name);
        ASSERT_NE(bound, list.end());
        EXPECT_EQ(bound->outcome, Outcome::kPassed);
      }
  }
  EXPECT_GT(emulated, 0);
}

// Elements beyond their bound fail the check, and the component is named.
TEST(ComponentCheck, ArithmeticBeyondItsBoundFailsByName) {
  ComponentCheck check;
  ComponentRow row;
  row.phase = "decode";
  row.key = "model.layers.0.mlp.down_proj";
  row.own = OwnError{.rows = 1, .count = 8, .beyond = 3, .largest_share = 40};
  check.rows = {row};
  const auto list = verdicts(check, Target::load("bounty"));
  const auto bound = std::ranges::find(list, "own error within its bound", &Verdict::name);
  ASSERT_NE(bound, list.end());
  EXPECT_EQ(bound->outcome, Outcome::kFailed);
  EXPECT_NE(bound->note.find("model.layers.0.mlp.down_proj"), std::string::npos);
}

// A copy of a checkpoint with one tensor scaled: what a wrong port of that component looks like.
std::filesystem::path scaled_copy(const std::string& source, const std::string& tensor, float factor) {
  const auto folder = testing::scratch_dir("scaled");
  std::filesystem::copy_file(golden(source) / "config.json", folder / "config.json");
  const io::SafetensorsFile file(golden(source) / "model.safetensors");
  std::vector<io::SafetensorsWriter::Declaration> declarations;
  for (const auto& info : file.tensors()) declarations.push_back({info.name, Format::f32, info.shape});
  io::SafetensorsWriter writer(folder / "model.safetensors", declarations, {{"format", "pt"}});
  for (const auto& info : file.tensors()) {
    HostTensor values(Format::f32, info.shape);
    copy_to_f32(file.view(info.name), values.f32().data());
    if (info.name == tensor)
      for (float& value : values.f32()) value *= factor;
    writer.write(info.name, values.view());
  }
  writer.finish();
  return folder;
}

// What the weights' own values do counts as the operands' share, not as arithmetic.
TEST(ComponentCheck, AWrongWeightIsNotArithmetic) {
  const std::string tensor = "model.layers.1.mlp.down_proj.weight";
  Rig reference = make_rig(golden("llama_plain"), device::reference_device());
  Rig wrong = make_rig(scaled_copy("llama_plain", tensor, 2), device::default_device());
  const auto ids = random_ids(64, reference.engine->model().description().vocab_size);
  const ComponentCheck check = check_components(*reference.engine, *wrong.engine, ids, small_options());
  const auto& own = row_of(check, "model.layers.1.mlp.down_proj", "prefill").own;
  ASSERT_TRUE(own);
  EXPECT_EQ(own->rows, small_options().bound_rows);
  EXPECT_NEAR(own->stored, 1, 1e-4);
  EXPECT_LT(own->arithmetic, 1e-5);
  EXPECT_TRUE(own->within());
}

TEST(ComponentCheck, NamesThePlantedComponentAndNotItsSuccessors) {
  const std::string tensor = "model.layers.1.mlp.down_proj.weight";
  Rig reference = make_rig(golden("llama_plain"), device::reference_device());
  Rig wrong = make_rig(scaled_copy("llama_plain", tensor, 2), device::default_device());
  const auto ids = random_ids(64, reference.engine->model().description().vocab_size);
  const ComponentCheck check = check_components(*reference.engine, *wrong.engine, ids, small_options());
  const Metrics& planted = row_of(check, "model.layers.1.mlp.down_proj", "decode").forced;
  EXPECT_NEAR(planted.scale, 2, 1e-3);
  EXPECT_GT(planted.pcc, 0.9999) << "correlation alone is blind to it";
  for (const ComponentRow& row : check.rows) {
    if (row.level == Level::kDecoder || row.key == "model.layers.1.mlp.down_proj") continue;
    EXPECT_LT(row.forced.nmse, 1e-9) << row.key << " has no error of its own";
  }
  EXPECT_GT(row_of(check, "lm_head", "decode").cumulative.nmse, 1e-6) << "but inherits it";
  const auto list = verdicts(check, Target::load("bounty"));
  const auto scale = std::ranges::find(list, "scale_error", &Verdict::name);
  ASSERT_NE(scale, list.end());
  EXPECT_EQ(scale->outcome, Outcome::kFailed);
  EXPECT_NE(scale->note.find("model.layers.1.mlp.down_proj"), std::string::npos);
}

TEST(Invariance, HoldsOnBothDevices) {
  for (const std::string_view name : {device::reference_device(), device::default_device()}) {
    Rig rig = make_rig(golden("phi3_longrope"), name, "bfp8");
    std::vector<Rig> others;
    const auto with_threads = [&](int threads) {
      others.push_back(make_rig(golden("phi3_longrope"), name, "bfp8", threads));
      return std::move(others.back().engine);
    };
    InvarianceOptions options;
    options.tokens = 40;
    options.batches = {1, 3, 7};
    const auto ids = random_ids(64, rig.engine->model().description().vocab_size);
    const auto results = check_invariance(*rig.engine, ids, options, with_threads);
    EXPECT_EQ(results.size(), 5 + options.chunks.size() + options.batches.size() + options.threads.size());
    for (const auto& result : results) EXPECT_TRUE(result.equal) << name << ": " << result.name << " " << result.where;
  }
}

TEST(Invariance, AnotherModelUnderTheThreadFactoryIsFound) {
  Rig rig = make_rig(golden("llama_plain"), device::default_device());
  const auto folder = scaled_copy("llama_plain", "model.layers.0.mlp.down_proj.weight", 1.001F);
  std::vector<Rig> others;
  InvarianceOptions options;
  options.tokens = 16;
  options.chunks = {};
  options.batches = {};
  options.threads = {1};
  const auto results = check_invariance(*rig.engine, random_ids(16, 64), options, [&](int threads) {
    others.push_back(make_rig(folder, device::default_device(), "f32", threads));
    return std::move(others.back().engine);
  });
  ASSERT_FALSE(results.empty());
  EXPECT_FALSE(results.back().equal);
  EXPECT_GT(results.back().max_abs, 0);
  EXPECT_EQ(verdicts(results).back().outcome, Outcome::kFailed);
}

}  // namespace
}  // namespace firstlight::harness
