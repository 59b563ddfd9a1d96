// Does it fit: bytes by hand, splits, the longest context, what to change, L1.
#include <algorithm>

#include "firstlight/base/file.h"
#include "harness/plan_subjects.h"

namespace firstlight::harness::plan {
namespace {

double line_bytes(const ChipMemory& memory, std::string_view name) {
  const auto found = std::ranges::find(memory.lines, name, &MemoryLine::name);
  EXPECT_NE(found, memory.lines.end()) << name;
  return found == memory.lines.end() ? 0 : found->bytes;
}

TEST(PlanSubject, ParametersOfATableEntryArePublished) {
  EXPECT_NEAR(static_cast<double>(fourteen_b().parameters), 14.66e9, 0.01e9);
  EXPECT_NEAR(static_cast<double>(eight_b().parameters), 8.03e9, 0.01e9);
}

TEST(PlanSubject, ATableEntryDeclaresWhatTheModelDeclares) {
  // The same dimensions through a config and its model, and through the table.
  for (const model::ModelRow& row : model::models()) {
    const auto config = io::Config::parse(row.tiny_config, "tiny");
    const Subject declared = subject_from_config(config, "tiny");
    EXPECT_GT(declared.parameters, 0) << row.model_type;
    EXPECT_EQ(declared.kv_layers.size() <= static_cast<std::size_t>(declared.description.layers), true);
    const Plan plan = plan_of(declared, "N150", {.policy = "bfp8", .load = {.context = 64, .batch = 2, .prompt = 32}});
    EXPECT_TRUE(plan.fit.fits) << row.model_type << ": " << plan.fit.why_not;
    EXPECT_GT(plan.speed.tokens_per_s_per_user, 0) << row.model_type;
    EXPECT_GT(plan.ledger.weight_bytes, 0);
  }
}

TEST(PlanSubject, WrongTablesAreRefusedByField) {
  const Json good = dimension_entry(2, 64, 4, 2, 16, 96, 128, 512);
  const auto refused = [&](const char* field, const Json& value) {
    Json entry = good;
    entry[field] = value;
    const Error error = testing::expect_error([&] { subject_of("x", entry); });
    EXPECT_EQ(error.category(), Category::kBadInput);
    EXPECT_NE(std::string(error.what()).find("x"), std::string::npos);
    return std::string(error.what());
  };
  EXPECT_NE(refused("num_hidden_layers", 0).find("num_hidden_layers"), std::string::npos);
  EXPECT_NE(refused("hidden_size", 1e12).find("hidden_size"), std::string::npos);
  EXPECT_NE(refused("vocab_size", "many").find("vocab_size"), std::string::npos);
  EXPECT_NE(refused("num_key_value_heads", 3).find("KV heads"), std::string::npos);
  EXPECT_NE(refused("novelty", 1).find("novelty"), std::string::npos);
  EXPECT_NE(refused("num_attention_heads", 0).find("state-space"), std::string::npos);
}

TEST(PlanFit, FourteenBillionInBfp8DoNotFitOneWormhole) {
  const Plan plan = plan_of(fourteen_b(), "N150", {.policy = "bfp8", .load = {.context = 2048}});
  EXPECT_FALSE(plan.fit.fits);
  EXPECT_EQ(plan.fit.longest_context, 0);
  EXPECT_NE(plan.fit.why_not.find("a chip needs"), std::string::npos);
  ASSERT_EQ(plan.fit.changes.size(), 3U);
  const double over = plan.fit.memory.needed - plan.fit.memory.capacity;
  ASSERT_GT(over, 0);
  for (const Change& change : plan.fit.changes) EXPECT_GE(change.saves_bytes + change.adds_bytes, over) << change.what;
  // The cheapest is one group narrower; with two chips of the same kind each holds half.
  EXPECT_EQ(plan.fit.changes[0].what, "ff1_3 in bfp4");
  EXPECT_EQ(plan.fit.changes[1].what, "N300 (TP2)");
}

TEST(PlanFit, WithBfp4MlpThereIsRoomForAboutFourThousandTokens) {
  const Plan plan = plan_of(fourteen_b(), "N150", {.policy = "performance", .load = {.context = 2048}});
  EXPECT_TRUE(plan.fit.fits) << plan.fit.why_not;
  EXPECT_GT(plan.fit.longest_context, 3000);
  EXPECT_LT(plan.fit.longest_context, 5000);
}

TEST(PlanFit, TenKvHeadsDoNotGoOverEightChipsButOverTwo) {
  const Subject subject = fourteen_b();
  const Plan eight = plan_of(subject, "T3K", {.policy = "performance", .replicas = 1, .load = {.context = 2048}});
  EXPECT_FALSE(eight.fit.fits);
  EXPECT_NE(eight.fit.why_not.find("10 KV heads do not divide by 8 chips"), std::string::npos);
  ASSERT_FALSE(eight.fit.changes.empty());
  EXPECT_EQ(eight.fit.changes[0].what, "DP4 x TP2");
  const Plan chosen = plan_of(subject, "T3K", {.policy = "performance", .load = {.context = 2048, .batch = 4}});
  EXPECT_EQ(chosen.fit.split.str(), "DP4 x TP2");
  EXPECT_TRUE(chosen.fit.fits) << chosen.fit.why_not;
  EXPECT_TRUE(plan_of(subject, "N300", {.policy = "bfp8", .load = {.context = 2048}}).fit.fits);
}

TEST(PlanFit, BytesOfOneChipByHand) {
  // hidden 128, 2 layers, 4 heads and 2 KV heads of 32, MLP 96 (3 tiles: over two chips 48, padded to 64), untied.
  const Subject subject = subject_of("tiny", dimension_entry(2, 128, 4, 2, 32, 96, 200, 512));
  const Plan plan = plan_of(subject, "N300", {.policy = "bfp8", .load = {.context = 100, .batch = 3, .prompt = 32}});
  const double b8 = 17.0 / 16;
  EXPECT_EQ(plan.fit.split.str(), "TP2");
  EXPECT_NEAR(line_bytes(plan.fit.memory, "wqkv"), 2 * (128 * 64 + 2 * 128 * 32) * b8, 1e-6);
  EXPECT_NEAR(line_bytes(plan.fit.memory, "wo"), 2 * 64 * 128 * b8, 1e-6);
  EXPECT_NEAR(line_bytes(plan.fit.memory, "ff1_3"), 2 * 2 * 128 * 64 * b8, 1e-6);
  EXPECT_NEAR(line_bytes(plan.fit.memory, "ff2"), 2 * 64 * 128 * b8, 1e-6);
  EXPECT_NEAR(line_bytes(plan.fit.memory, "lm_head"), 128 * 128 * b8, 1e-6);  // 100 columns a chip, 128 of tiles
  EXPECT_NEAR(line_bytes(plan.fit.memory, "embedding"), 200 * 64 * 2, 1e-6);
  EXPECT_NEAR(line_bytes(plan.fit.memory, "vector"), 5 * 128 * 4, 1e-6);
  // bf16 under this policy; 100 positions are 4 pages of 32; one KV head a chip; keys and values; 2 layers; 3 users.
  EXPECT_NEAR(line_bytes(plan.fit.memory, "kv_cache"), 2.0 * 2 * 3 * 128 * 32 * 2, 1e-6);
  double sum = 0;
  for (const MemoryLine& line : plan.fit.memory.lines) sum += line.bytes;
  EXPECT_NEAR(sum, plan.fit.memory.needed, 1e-6);
  ASSERT_EQ(plan.fit.padding.size(), 1U);
  EXPECT_NE(plan.fit.padding[0].find("200 padded to 256"), std::string::npos);
}

TEST(PlanFit, TheLongestContextIsTheLastThatFits) {
  const Subject subject = eight_b();
  const Board board = load_board("N150");
  const auto constants = Constants::load(default_constants());
  const auto policy = run::Policy::load("performance", subject.name, 32);
  const Precision precision(policy);
  const Split split = split_board(board, 1);
  for (const int batch : {1, 8, 32}) {
    const std::int64_t longest = longest_context(subject, precision, board, split, constants, batch);
    ASSERT_GT(longest, 32) << batch;
    EXPECT_TRUE(chip_memory(subject, precision, board, split, constants, {.context = longest, .batch = batch}).fits());
    if (longest < subject.description.max_positions) {
      EXPECT_FALSE(
          chip_memory(subject, precision, board, split, constants, {.context = longest + 32, .batch = batch}).fits());
    }
  }
  // 64 k tokens of one user were run on this card (tt_stack.md §3.1).
  EXPECT_GE(longest_context(subject, precision, board, split, constants, 1), 65536);
}

TEST(PlanFit, UsersThatAreTooManyAreNamedWithWhatWouldFit) {
  const Plan plan = plan_of(eight_b(), "N150", {.policy = "performance", .load = {.context = 65536, .batch = 32}});
  EXPECT_FALSE(plan.fit.fits);
  ASSERT_FALSE(plan.fit.changes.empty());
  const bool shorter = std::ranges::any_of(plan.fit.changes, [](const Change& change) {
    return change.what.starts_with("a context of") || change.what.starts_with("a batch of");
  });
  EXPECT_TRUE(shorter);
}

TEST(PlanFit, L1OfEveryProductIsListedAndWithinACore) {
  const Plan plan = plan_of(eight_b(), "N150", {.load = {.context = 1024, .batch = 32, .prompt = 2048}});
  std::set<std::string> decode;
  std::set<std::string> prefill;
  for (const L1Plan& op : plan.fit.l1) {
    (op.phase == "decode" ? decode : prefill).insert(op.op);
    EXPECT_LE(op.total(), l1_capacity(plan.board, plan.constants)) << op.op << " " << op.phase;
  }
  const std::set<std::string> expected = {"wqkv", "wo", "ff1_3", "ff2", "lm_head", "sdpa"};
  EXPECT_EQ(decode, expected);
  EXPECT_EQ(prefill, expected);
  EXPECT_TRUE(plan.fit.fits) << plan.fit.why_not;
}

TEST(PlanFit, ACoreWithTooLittleL1IsAReason) {
  Board board = load_board("N150");
  board.chip.l1_bytes_per_core = 128 * 1024;
  const Plan plan =
      make_plan(eight_b(), board, Constants::load(default_constants()), {.load = {.context = 1024, .prompt = 1024}});
  EXPECT_FALSE(plan.fit.fits);
  EXPECT_NE(plan.fit.why_not.find("L1"), std::string::npos) << plan.fit.why_not;
}

// Of layers with a window only its positions are kept and read; the others grow with the context.
TEST(PlanFit, WindowsBoundWhatTheirLayersKeepAndRead) {
  Json entry = dimension_entry(4, 256, 4, 2, 64, 512, 1024, 65536);
  const Subject plain = subject_of("x", entry);
  entry["sliding_window"] = 1000;
  const Subject all = subject_of("x", entry);
  entry["sliding_window_pattern"] = 4;
  const Subject most = subject_of("x", entry);
  const auto plan_at = [](const Subject& subject, std::int64_t context) {
    return plan_of(subject, "N150", {.policy = "bf16", .load = {.context = context, .batch = 2, .prompt = context}});
  };
  const auto kv_bytes = [](const Plan& plan) {
    for (const MemoryLine& line : plan.fit.memory.lines)
      if (line.name == "kv_cache") return line.bytes;
    return 0.0;
  };
  const double layer_position = 2 * 2 * 64 * 2;  // keys and values, 2 heads of 64, bf16
  EXPECT_EQ(kv_bytes(plan_at(plain, 8192)), 4 * layer_position * 2 * 8192);
  EXPECT_EQ(kv_bytes(plan_at(all, 8192)), 4 * layer_position * 2 * 1024);
  EXPECT_EQ(kv_bytes(plan_at(most, 8192)), layer_position * 2 * (3 * 1024 + 8192));
  EXPECT_EQ(kv_bytes(plan_at(all, 512)), kv_bytes(plan_at(plain, 512)));
  EXPECT_EQ(plan_at(all, 8192).ledger.state_bytes, 4 * layer_position * 2 * 1000);
  // Reading less is faster, in both phases; short contexts are as they were.
  EXPECT_LT(plan_at(plain, 32768).speed.tokens_per_s_per_user, plan_at(most, 32768).speed.tokens_per_s_per_user);
  EXPECT_LT(plan_at(most, 32768).speed.tokens_per_s_per_user, plan_at(all, 32768).speed.tokens_per_s_per_user);
  EXPECT_EQ(plan_at(all, 32768).speed.tokens_per_s_per_user, plan_at(all, 8192).speed.tokens_per_s_per_user);
  EXPECT_LT(plan_at(all, 32768).speed.ttft_ms, plan_at(plain, 32768).speed.ttft_ms);
  EXPECT_EQ(plan_at(all, 512).speed.ttft_ms, plan_at(plain, 512).speed.ttft_ms);
  // A config's windows come from its model.
  for (const model::ModelRow& row : model::models()) {
    const auto config = io::Config::parse(row.tiny_config, "tiny");
    const auto model = model::make_model(config);
    const auto subject = subject_from_config(config, "tiny");
    for (const std::string& feature : model->description().features)
      if (feature.starts_with("sliding window")) {
        EXPECT_TRUE(std::ranges::any_of(subject.kv_layers, [](const auto& layer) { return layer.window > 0; }));
      }
  }
}

TEST(PlanFit, ReplicasMustDivideTheChips) {
  EXPECT_EQ(testing::expect_error([] { plan_of(eight_b(), "T3K", {.replicas = 3}); }).category(), Category::kUsage);
}

TEST(PlanFit, EveryEntryOfTheSharedTableIsPlannedOnEveryBoard) {
  FL_SHARED_OR_SKIP(file, "data/configs/dims.json");
  const auto constants = Constants::load(default_constants());
  const std::vector<Subject> subjects = load_subjects(file, "");
  EXPECT_GE(subjects.size(), 20U);
  for (const Subject& subject : subjects) {
    EXPECT_NEAR(static_cast<double>(subject.parameters) / subject.published_parameters, 1, 0.02) << subject.name;
    for (const Board& board : load_boards()) {
      const Plan plan = make_plan(subject, board, constants, {.load = {.context = 1024, .batch = 1}});
      EXPECT_GT(plan.speed.tokens_per_s_per_user, 0) << subject.name << " " << board.name;
      EXPECT_LT(plan.speed.tokens_per_s_per_user, plan.maxima[0].tokens_per_s_per_user)
          << subject.name << " " << board.name;
      EXPECT_GT(plan.speed.ttft_ms, 0);
      EXPECT_TRUE(plan.fit.fits || !plan.fit.why_not.empty());
    }
  }
}

}  // namespace
}  // namespace firstlight::harness::plan
