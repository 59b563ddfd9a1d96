// The precision search: spellings that load back, paired intervals, scores equal to teacher forcing, and a search over
// a made-up accuracy whose best policy is known.
#include "firstlight/harness/tune/tune.h"

#include <cmath>

#include "firstlight/base/rng.h"
#include "firstlight/harness/teacher_forcing.h"
#include "harness/engines.h"
#include "harness/plan_subjects.h"

namespace firstlight::harness::tune {
namespace {

TEST(TuneChoices, EverySpellingLoadsBackAsTheSamePolicy) {
  for (const bool fidelities : {false, true}) {
    const Space space = make_space(2, fidelities);
    Choice choice = space.start();
    for (std::size_t i = 0; i < choice.size(); i += 2) choice[i] = static_cast<int>(space.knobs[i].options.size()) - 1;
    constexpr std::int64_t kLayers = 5;
    const auto ours = run::Policy::from_json(policy_json(space, choice, kLayers, "p"), "p", "", kLayers);
    const auto stack = run::Policy::from_json(decoder_json(space, choice, kLayers), "d", "", kLayers);
    for (int layer = 0; layer < kLayers; ++layer) {
      const std::string key = fmt::format("model.layers.{}.self_attn.q_proj", layer);
      for (const run::Group group : {run::Group::kWqkv, run::Group::kWo, run::Group::kFf1_3, run::Group::kFf2})
        EXPECT_EQ(ours.format(key, group), stack.format(key, group)) << layer;
      for (const char* op : {"li_qkv_decode", "li_qkv_prefill", "li_o_decode", "li_o_prefill", "li_ff1_3", "li_ff2"})
        EXPECT_EQ(ours.setting(key, op), stack.setting(key, op)) << layer << " " << op;
    }
    // Layers 0-2 are in band 0, 3-4 in band 1: ceil(5 / 2) and the rest.
    const auto at = [&](int layer) {
      return ours.format(fmt::format("model.layers.{}.mlp.up_proj", layer), run::Group::kFf1_3);
    };
    EXPECT_EQ(at(0), at(2));
    EXPECT_EQ(at(3), at(4));
    EXPECT_NE(at(2), at(3));
    EXPECT_EQ(stack_string(space, choice), "");  // bands differ
  }
  const Space space = make_space(1, false);
  Choice choice = space.start();
  choice[2] = 1;  // gate and up
  const auto policy = run::Policy::load(stack_string(space, choice), "", 4);
  EXPECT_EQ(policy.format("model.layers.1.mlp.up_proj", run::Group::kFf1_3), Format::bfp4);
  EXPECT_EQ(policy.setting("model.layers.1.mlp.up_proj", "li_ff1_3"), "lofi");
  EXPECT_EQ(policy.format("model.layers.1.mlp.down_proj", run::Group::kFf2), Format::bfp8);
}

TEST(TunePaired, IntervalByHand) {
  const std::vector<double> a = {1, 1, 0, 1};
  const std::vector<double> b = {0, 1, 0, 0};
  const Paired d = paired(a, b);  // differences 1 0 0 1: mean 0.5, variance 1/3
  EXPECT_NEAR(d.mean, 0.5, 1e-15);
  EXPECT_NEAR(d.high - d.mean, 3.182446 * std::sqrt(1.0 / 3 / 4), 1e-6);  // t of 3 degrees of freedom
  EXPECT_NEAR(d.mean - d.low, d.high - d.mean, 1e-12);
  const Paired same = paired(a, a);
  EXPECT_EQ(same.low, 0);
  EXPECT_EQ(same.high, 0);
}

TEST(TuneScores, AreThoseOfTeacherForcing) {
  Rig reference = make_rig(golden("llama_plain"), device::reference_device());
  const auto ids = random_ids(48, reference.engine->model().description().vocab_size);
  const Capsule capsule = make_capsule(*reference.engine, ids, 0);
  Rig narrow = make_rig(golden("llama_plain"), device::default_device(), "bfp4");
  const auto& model = narrow.engine->model();
  const Scores scores = score_text(narrow.engine->session(), model, capsule, 20);
  const TeacherForcing forced = teacher_force(narrow.engine->session(), model, capsule, 20);
  ASSERT_EQ(static_cast<std::int64_t>(scores.top1.size()), forced.scored);
  EXPECT_NEAR(mean(scores.top1), forced.top1(), 1e-12);
  EXPECT_NEAR(mean(scores.top5), forced.top5(), 1e-12);
  for (const double loss : scores.loss) EXPECT_GT(loss, 0);
  // The reference scores itself fully, with a smaller loss.
  const Scores own = score_text(reference.engine->session(), reference.engine->model(), capsule, 20);
  EXPECT_EQ(mean(own.top1), 1);
  EXPECT_LT(mean(own.loss), mean(scores.loss));
  EXPECT_EQ(testing::expect_error([&] { score_text(narrow.engine->session(), model, capsule, 48); }).category(),
            Category::kMismatch);
}

// Also where decode computes otherwise than prefill does: other chunks of keys, other kernel settings.
TEST(TuneScores, AreThoseOfTeacherForcingOnEveryEmulatedChip) {
  int emulated = 0;
  for (const device::DeviceRow& row : device::devices()) {
    if (!row.emulates) continue;
    ++emulated;
    Rig rig = make_rig(golden("llama_plain"), row.name, "performance");
    const auto& model = rig.engine->model();
    const auto ids = random_ids(320, model.description().vocab_size);
    Rig reference = make_rig(golden("llama_plain"), device::reference_device());
    const Capsule capsule = make_capsule(*reference.engine, ids, 0);
    const Scores scores = score_text(rig.engine->session(), model, capsule, 270);
    const TeacherForcing forced = teacher_force(rig.engine->session(), model, capsule, 270);
    EXPECT_EQ(mean(scores.top1) * static_cast<double>(scores.top1.size()), static_cast<double>(forced.top1_hits));
    EXPECT_EQ(mean(scores.top5) * static_cast<double>(scores.top5.size()), static_cast<double>(forced.top5_hits));
  }
  EXPECT_GT(emulated, 0);
}

// An accuracy made of one price for each group that is narrow: every position's loss rises by it, and hits are lost.
Evaluate made_up(double price_ff2, double price_rest, std::int64_t layers) {
  return [=](const std::string& spec) {
    const auto policy = run::Policy::load(spec, "", static_cast<int>(layers));
    double price = 0;
    for (std::int64_t layer = 0; layer < layers; ++layer)
      for (const run::Group group : {run::Group::kWqkv, run::Group::kWo, run::Group::kFf1_3, run::Group::kFf2})
        if (policy.format(fmt::format("model.layers.{}.x", layer), group) == Format::bfp4)
          price += (group == run::Group::kFf2 ? price_ff2 : price_rest) / static_cast<double>(layers);
    Scores scores;
    Rng rng(3);
    for (int i = 0; i < 500; ++i) {
      const double u = static_cast<double>(rng.below(100000)) / 100000;
      scores.top1.push_back(u < 0.95 - price ? 1 : 0);
      scores.top5.push_back(1);
      scores.loss.push_back(1 + price + 0.1 * u);
    }
    return scores;
  };
}

Result run_search(const Evaluate& evaluate, std::int64_t layers, Options options = {}) {
  const plan::Constants constants = plan::Constants::load(plan::default_constants());
  return search(evaluate, layers, plan::eight_b(), load_board("N150"), constants, {.load = {.context = 256}},
                {"performance", "accuracy"}, options);
}

TEST(TuneSearch, FindsTheCheapGroupsAndLeavesTheDearOne) {
  const Result result = run_search(made_up(0.5, 0.01, 4), 4, {.bands = 2, .points = 6});
  ASSERT_GE(result.chosen, 0);
  const Point& chosen = result.points[static_cast<std::size_t>(result.chosen)];
  EXPECT_TRUE(chosen.holds);
  ASSERT_FALSE(chosen.choice.empty());
  for (std::size_t i = 0; i < chosen.choice.size(); ++i) {
    const Knob& knob = result.space.knobs[i];
    if (knob.band < 0) continue;
    EXPECT_EQ(knob.options[static_cast<std::size_t>(chosen.choice[i])].format,
              knob.group == run::Group::kFf2 ? "bfp8" : "bfp4")
        << knob.name(2);
  }
  // Faster than both stock profiles, and it says so.
  for (const Point& point : result.points)
    if (point.choice.empty()) {
      EXPECT_GT(chosen.tokens_per_s_per_user, point.tokens_per_s_per_user) << point.name;
    }
  EXPECT_NE(result.verdict.find("performance"), std::string::npos);
  int front = 0;
  for (const Point& point : result.points) front += point.on_front;
  EXPECT_GE(front, 2);
  EXPECT_EQ(result.sensitivities.size(), 4U * 2 + 2);
  for (const Sensitivity& s : result.sensitivities)
    if (result.space.knobs[s.knob].group == run::Group::kFf2) {
      EXPECT_NEAR(s.loss.mean, 0.25, 1e-9);
    }
}

TEST(TuneSearch, SaysWhyNoneHolds) {
  const Result result = run_search(made_up(0.5, 0.01, 4), 4, {.bands = 1, .points = 3, .top1_bar = 0.99});
  EXPECT_EQ(result.chosen, -1);
  EXPECT_NE(result.verdict.find("no policy holds"), std::string::npos);
  EXPECT_TRUE(result.json()["chosen"].is_null());
}

TEST(TuneSearch, MoreBandsThanLayersAreRefused) {
  EXPECT_EQ(testing::expect_error([] { run_search(made_up(0, 0, 2), 2, {.bands = 3}); }).category(), Category::kUsage);
}

TEST(TuneSearch, ThePictureShowsEveryPoint) {
  const Result result = run_search(made_up(0.5, 0.01, 4), 4, {.bands = 1, .points = 5});
  const std::string svg = picture(result);
  for (const Point& point : result.points) EXPECT_NE(svg.find(">" + point.name + "<"), std::string::npos) << point.name;
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

}  // namespace
}  // namespace firstlight::harness::tune
