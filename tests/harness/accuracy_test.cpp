// Capsules and teacher forcing on a small checkpoint.
#include <algorithm>
#include <cmath>

#include "firstlight/base/file.h"
#include "firstlight/harness/teacher_forcing.h"
#include "firstlight/io/refpt.h"
#include "harness/engines.h"

namespace firstlight::harness {
namespace {

Capsule small_capsule(Rig& rig, std::int64_t tokens = 40) {
  const auto ids = random_ids(tokens, rig.engine->model().description().vocab_size);
  return make_capsule(*rig.engine, ids, 4);
}

TEST(Capsule, MadeCapsuleAgreesWithItsOwnDevice) {
  Rig rig = make_rig(golden("llama_plain"), device::reference_device());
  const Capsule capsule = small_capsule(rig);
  EXPECT_FALSE(capsule.independent);
  EXPECT_EQ(capsule.verdict_word(), "consistent");
  EXPECT_EQ(capsule.top5.size(), 40U);
  EXPECT_EQ(capsule.sampled_positions, (std::vector<std::int32_t>{0, 13, 26, 39}));
  EXPECT_FALSE(capsule.activations.empty());
  const TeacherForcing result = teacher_force(rig.engine->session(), rig.engine->model(), capsule, 20, 7);
  EXPECT_EQ(result.scored, 20);  // the prefill's own prediction, then 19 forced steps
  EXPECT_EQ(result.top1(), 1);
  EXPECT_EQ(result.top5(), 1);
  EXPECT_TRUE(result.misses.empty());
}

TEST(Capsule, BelongsToItsModelAndTokenizer) {
  const auto folder = testing::source_dir() / "models" / "phi3-nano";
  Rig rig = make_rig(folder, device::reference_device());
  Capsule capsule = load_capsule(folder / "reference.json");
  check_belongs(*rig.engine, capsule);
  Capsule other = capsule;
  for (std::int32_t& id : other.ids) id = (id * 7 + 300) % 2000;  // as another tokenizer's ids would read
  const Error jumbled = testing::expect_error([&] { check_belongs(*rig.engine, other); });
  EXPECT_EQ(jumbled.category(), Category::kMismatch);
  EXPECT_NE(std::string(jumbled.what()).find("tokenizer of phi3-nano"), std::string::npos) << jumbled.what();
  other = capsule;
  other.top5.back()[4] = 32000;
  const Error outside = testing::expect_error([&] { check_belongs(*rig.engine, other); });
  EXPECT_EQ(outside.category(), Category::kMismatch);
  EXPECT_NE(std::string(outside.what()).find("32000"), std::string::npos) << outside.what();
}

TEST(Capsule, RoundTripsThroughBothFiles) {
  Rig rig = make_rig(golden("llama_plain"), device::reference_device());
  const Capsule capsule = small_capsule(rig);
  const auto folder = testing::scratch_dir("capsule");
  save_capsule(capsule, folder / "reference.safetensors");
  const Capsule read = load_capsule(folder / "reference.safetensors");
  EXPECT_EQ(read.ids, capsule.ids);
  EXPECT_EQ(read.top5, capsule.top5);
  EXPECT_EQ(read.margins, capsule.margins);
  EXPECT_EQ(read.sampled_positions, capsule.sampled_positions);
  EXPECT_EQ(read.sampled_logits.values(), capsule.sampled_logits.values());
  EXPECT_EQ(read.activations.size(), capsule.activations.size());
  EXPECT_EQ(read.hashes, capsule.hashes);
  EXPECT_FALSE(read.independent);

  save_refpt(capsule, folder / "own.refpt");
  const Capsule own = load_capsule(folder / "own.refpt");
  EXPECT_EQ(own.ids, capsule.ids);
  EXPECT_EQ(own.top5.size(), capsule.ids.size() - 1);
  EXPECT_FALSE(own.independent) << "a reference of our own making must not read as another implementation's";

  io::Refpt foreign = io::read_refpt(folder / "own.refpt");
  foreign.made_by_firstlight = false;
  io::write_refpt(folder / "foreign.refpt", foreign);
  EXPECT_TRUE(load_capsule(folder / "foreign.refpt").independent);
}

TEST(Capsule, RefusesWhatIsNoCapsule) {
  const auto folder = testing::scratch_dir("no-capsule");
  EXPECT_EQ(testing::expect_error([&] { load_capsule(folder / "absent.safetensors"); }).category(),
            Category::kBadInput);
  const Error plain = testing::expect_error([&] { load_capsule(golden("llama_plain") / "model.safetensors"); });
  EXPECT_EQ(plain.category(), Category::kBadInput);
  write_text_file(folder / "reference.json", R"({"ids": [1, 2]})");
  EXPECT_EQ(testing::expect_error([&] { load_capsule(folder / "reference.json"); }).category(), Category::kBadInput);
  write_text_file(
      folder / "reference.json",
      R"({"ids": [1, 2], "long_1024": {"first_position": 0, "top5_ids": [[1, 2, 3]], "top5_logits": [[1, 2, 3]]}})");
  EXPECT_NE(std::string(testing::expect_error([&] { load_capsule(folder / "reference.json"); }).what()).find("row 0"),
            std::string::npos);
}

TEST(TeacherForcing, CountsPlantedMisses) {
  Rig rig = make_rig(golden("llama_plain"), device::reference_device());
  Capsule capsule = small_capsule(rig);
  std::swap(capsule.top5[25][0], capsule.top5[25][3]);      // still among the five
  capsule.top5[30].fill(capsule.top5[30][0] == 0 ? 1 : 0);  // not among them
  const TeacherForcing result = teacher_force(rig.engine->session(), rig.engine->model(), capsule, 20);
  EXPECT_EQ(result.scored, 20);
  EXPECT_EQ(result.top1_hits, 18);
  EXPECT_EQ(result.top5_hits, 19);
  ASSERT_EQ(result.misses.size(), 2U);
  EXPECT_EQ(result.misses[0].position, 25);
  EXPECT_TRUE(result.misses[0].in_top5);
  EXPECT_EQ(result.misses[1].position, 30);
  EXPECT_FALSE(result.misses[1].in_top5);
  const Target target = Target::load("bounty");
  const auto list = verdicts(result, capsule, target);
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].outcome, Outcome::kPassed);  // 90 % > 80 %
  EXPECT_EQ(list[1].outcome, Outcome::kFailed);  // 95 % is not > 95 %
  EXPECT_NE(list[0].note.find("consistent"), std::string::npos);
}

TEST(TeacherForcing, RefusesAReferenceThatDoesNotCoverThePositions) {
  Rig rig = make_rig(golden("llama_plain"), device::reference_device());
  Capsule capsule = small_capsule(rig);
  capsule.top5.resize(30);
  EXPECT_EQ(
      testing::expect_error([&] { teacher_force(rig.engine->session(), rig.engine->model(), capsule, 20); }).category(),
      Category::kMismatch);
  capsule = small_capsule(rig);
  capsule.ids[3] = static_cast<std::int32_t>(rig.engine->model().description().vocab_size);
  EXPECT_EQ(
      testing::expect_error([&] { teacher_force(rig.engine->session(), rig.engine->model(), capsule, 20); }).category(),
      Category::kMismatch);
}

TEST(Verdicts, NanFailsAndSkippedNeverPasses) {
  EXPECT_EQ(judge("x", std::nan(""), ">", 0, "", "").outcome, Outcome::kFailed);
  EXPECT_EQ(judge("x", std::nan(""), "<", 0, "", "").outcome, Outcome::kFailed);
  PhaseResult phase;
  phase.verdicts = {skipped("a", "no data")};
  EXPECT_EQ(phase.outcome(), Outcome::kSkipped);
  phase.stopped_by = "broke";
  EXPECT_EQ(phase.outcome(), Outcome::kFailed);
  EXPECT_EQ(testing::expect_error([] { Target::load("no-such-target"); }).category(), Category::kUsage);
  EXPECT_EQ(testing::expect_error([] { Target::load("bounty").judge("no-such-bar", 1, "", ""); }).category(),
            Category::kBadInput);
}

}  // namespace
}  // namespace firstlight::harness
