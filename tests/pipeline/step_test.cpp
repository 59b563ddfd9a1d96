// Decode steps that are recorded and replayed beside the same steps call by call: bits, costs, and when not to.
#include <gtest/gtest.h>

#include "firstlight/run/observer.h"
#include "pipeline/made.h"

namespace firstlight::testing {
namespace {

using Rows = std::vector<std::int32_t>;

// What a script of steps gives: logits, costs and replays.
struct Played {
  std::vector<std::vector<float>> logits;
  run::Counters counters;
};

Played play(const Loaded& made, nn::State& state, const std::vector<Rows>& steps, std::uint64_t seed) {
  Played played;
  made.session->reset_counters();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Rows ids =
        random_ids(static_cast<std::int64_t>(steps[i].size()), made.model->description().vocab_size, seed + i);
    played.logits.push_back(pipeline::decode(*made.session, *made.model, state, steps[i], ids).values());
  }
  played.counters = made.session->counters();
  return played;
}

// One user, then two, in another order, past the end of a page, then others: rows change, and what they are.
const std::vector<Rows> kSteps = {{0}, {0}, {0},    {2},    {0},    {0, 2}, {0, 2}, {2, 0}, {1, 2},
                                  {1}, {1}, {0, 1}, {0, 1}, {0, 1}, {0, 2}, {0},    {0}};

TEST(Step, ReplaysGiveTheBitsAndTheCostsOfCalls) {
  for (const model::ModelRow& row : model::models()) {
    for (const char* device : {"ref", "cpu"}) {
      const Loaded made = load(make_checkpoint(std::string(row.tiny_config), 5), {device, "", 2}, "bf16");
      const nn::StateOptions options{.sequences = 3, .max_length = 20, .page_size = 4};
      const auto traced_state = made.model->new_state(*made.session, options);
      const auto eager_state = made.model->new_state(*made.session, options);
      const Played traced = play(made, *traced_state, kSteps, 3);
      made.session->set_tracing(false);
      const Played eager = play(made, *eager_state, kSteps, 3);
      EXPECT_EQ(traced.logits, eager.logits) << row.model_type << " on " << device;
      EXPECT_EQ(eager.counters.replays, 0);
      // A mixture of experts asks the host which of them to run.
      const bool mixture = row.model_type == "mixtral";
      EXPECT_EQ(traced.counters.replays, mixture ? 0 : 7) << row.model_type;
      EXPECT_EQ(traced.counters.launches, eager.counters.launches) << row.model_type;
      EXPECT_DOUBLE_EQ(traced.counters.cost.flops, eager.counters.cost.flops) << row.model_type;
      EXPECT_DOUBLE_EQ(traced.counters.cost.bytes(), eager.counters.cost.bytes()) << row.model_type;
      EXPECT_EQ(traced.counters.fallbacks, eager.counters.fallbacks) << row.model_type;
    }
  }
}

// Another declared length moves the tables that a recording reads.
TEST(Step, FollowsTheDeclaredLengthOfNewUsers) {
  const Loaded made = tiny();
  const nn::StateOptions options{.sequences = 2, .max_length = 48, .declared_length = 24};
  const auto run = [&](bool traced) {
    made.session->set_tracing(traced);
    const auto state = made.model->new_state(*made.session, options);
    Played played = play(made, *state, {{0}, {0}, {0}}, 1);
    state->declare_length(1, 48);
    const Played after = play(made, *state, {{1}, {0}, {1}, {1}}, 2);
    EXPECT_EQ(after.counters.replays > 0, traced);
    played.logits.insert(played.logits.end(), after.logits.begin(), after.logits.end());
    return played.logits;
  };
  EXPECT_EQ(run(true), run(false));
}

struct Watcher : run::Observer {
  int calls = 0;
  void on_call(const run::CallRecord&) override { ++calls; }
};

TEST(Step, IsNotReplayedWhileSomeoneObserves) {
  const Loaded made = tiny();
  const auto state = made.model->new_state(*made.session, {.max_length = 32});
  const std::vector<Rows> steps = {{0}, {0}, {0}};
  EXPECT_EQ(play(made, *state, steps, 1).counters.replays, 1);
  Watcher watcher;
  {
    const run::Attached attached(*made.session, watcher);
    EXPECT_EQ(play(made, *state, steps, 4).counters.replays, 0);
  }
  EXPECT_GT(watcher.calls, 0);
  EXPECT_EQ(play(made, *state, steps, 7).counters.replays, 3);
}

// A state that is full says so; what it holds goes on.
TEST(Step, RefusesPositionsBeyondTheState) {
  const Loaded made = tiny();
  const auto state = made.model->new_state(*made.session, {.sequences = 2, .max_length = 4});
  play(made, *state, {{0}, {0}, {0}, {0}}, 1);
  EXPECT_EQ(expect_error([&] { play(made, *state, {{0}}, 9); }).category(), Category::kUsage);
  EXPECT_EQ(state->length(0), 4);
  state->trim(0, 2);
  const auto fresh = made.model->new_state(*made.session, {.max_length = 4});
  play(made, *fresh, {{0}, {0}}, 1);
  made.session->set_tracing(false);
  const Played expected = play(made, *fresh, {{0}}, 20);
  made.session->set_tracing(true);
  EXPECT_EQ(play(made, *state, {{0}}, 20).logits, expected.logits);
}

}  // namespace
}  // namespace firstlight::testing
