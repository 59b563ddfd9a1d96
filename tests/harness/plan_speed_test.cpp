// How fast: single ops by hand, sums, and what must move which way; levers.
#include <algorithm>
#include <cmath>

#include "harness/plan_subjects.h"

namespace firstlight::harness::plan {
namespace {

const OpLine& op_of(const Step& step, std::string_view name) {
  const auto found = std::ranges::find_if(step.ops, [&](const OpLine& line) { return line.work.name == name; });
  EXPECT_NE(found, step.ops.end()) << name;
  return *found;
}

Constants plain_constants() { return Constants::load(default_constants()); }

TEST(PlanTiming, ADecodeProductByHand) {
  // 4096 x 14336 in bfp4 at LoFi on 12 banks: 448 columns of tiles, 38 on the fullest bank, 128 tiles deep.
  Work work;
  work.kind = WorkKind::kProduct;
  work.m = 32;
  work.k = 4096;
  work.n = 14336;
  work.format = Format::bfp4;
  work.phases = 1;
  work.dram_bytes = tiled_bytes(work.format, work.k, work.n);
  const Board board = load_board("N150");
  const Constants constants = plain_constants();
  const OpTime time = op_time(work, board, constants, {});
  EXPECT_EQ(time.cores, 12);
  EXPECT_EQ(time.tile_products, 128 * 38);
  EXPECT_NEAR(time.matrix, 128 * 38 * (constants.decode_tile_cycles + 16) / 1e9, 1e-12);
  EXPECT_NEAR(time.dram, 128 * 448 * 576.0 * (38 * 12 / 448.0) / (288e9 * constants.sharded_share), 1e-10);
  EXPECT_NEAR(time.noc, 32 * 4096 * 2 / 32.0 / 1e9, 1e-12);
  EXPECT_NEAR(time.dispatch, constants.launch_us * 1e-6, 1e-15);
  EXPECT_NEAR(time.total(), std::max({time.matrix, time.dram, time.noc}) + time.dispatch, 1e-15);
  const OpTime interleaved = op_time(work, board, constants, {.sharded = false});
  EXPECT_NEAR(interleaved.dram, 128 * 448 * 576.0 / (288e9 * constants.interleaved_share), 1e-10);
  EXPECT_EQ(interleaved.cores, 64);
  EXPECT_GT(op_time(work, board, constants, {.traced = false}).dispatch, time.dispatch);
}

TEST(PlanTiming, AttentionCoresShareAHeadUpToTheLimit) {
  Work work;
  work.kind = WorkKind::kAttention;
  work.head_dim = 128;
  work.positions = 65536;
  work.pairs = 1;
  work.format = Format::bfp8;
  work.phases = 2;
  const Board board = load_board("N150");
  const Constants constants = plain_constants();
  const OpTime one = op_time(work, board, constants, {});
  EXPECT_EQ(one.cores, 16);
  EXPECT_EQ(one.tile_products, 2048 / 16 * 2 * 4);
  work.pairs = 8;
  EXPECT_EQ(op_time(work, board, constants, {}).cores, 64);
  work.pairs = 256;  // four rounds on 64 cores
  EXPECT_EQ(op_time(work, board, constants, {}).tile_products, 4.0 * 2048 * 2 * 4);
}

TEST(PlanTiming, GridsUseEveryCore) {
  for (const auto& [cores, rows, columns] :
       {std::tuple{64, 8, 8}, {130, 10, 13}, {120, 10, 12}, {110, 10, 11}, {7, 1, 7}}) {
    EXPECT_EQ(core_grid(cores).rows, rows);
    EXPECT_EQ(core_grid(cores).columns, columns);
  }
}

TEST(PlanSpeed, AStepIsTheSumOfItsOps) {
  const Plan plan = plan_of(eight_b(), "N150", {.load = {.context = 4096, .batch = 4}});
  double sum = 0;
  double products = 0;
  for (const OpLine& line : plan.speed.decode.ops) {
    sum += line.seconds;
    if (line.work.kind == WorkKind::kProduct) products += line.work.dram_bytes * line.work.times;
  }
  EXPECT_NEAR(sum, plan.speed.decode.ops_seconds, 1e-12);
  EXPECT_NEAR(1 / plan.speed.tokens_per_s_per_user, sum + plan.speed.decode.host_seconds, 1e-12);
  EXPECT_NEAR(plan.speed.tokens_per_s, 4 * plan.speed.tokens_per_s_per_user, 1e-9);
  // The weights that products read are those of the ledger (all dimensions are whole tiles).
  double weights = 0;
  for (const ByteLine& line : plan.ledger.lines)
    if (line.tensors > 0 && line.name != "vector" && line.name != "embedding") weights += line.bytes_per_step;
  EXPECT_NEAR(products / weights, 1, 1e-9);
  // Layer 31 keeps gate and up in bfp8 (the stack's exception): 31 layers of two bfp4 products, one of two bfp8.
  EXPECT_EQ(op_of(plan.speed.decode, "ff1_3").work.times, 62);
  EXPECT_EQ(op_of(plan.speed.decode, "wqkv").work.n, 6144);
  EXPECT_EQ(op_of(plan.speed.decode, "norm").work.times, 65);
}

TEST(PlanSpeed, MovesAsItMust) {
  const Subject subject = eight_b();
  const auto rate = [&](std::string_view board, Load load, std::string policy = "performance", Mode mode = {}) {
    return plan_of(subject, board, {.policy = std::move(policy), .load = load, .mode = mode})
        .speed.tokens_per_s_per_user;
  };
  const Load base{.context = 1024, .batch = 1};
  const double now = rate("N150", base);
  EXPECT_GT(now, rate("N150", {.context = 32768, .batch = 1}));
  EXPECT_GT(now, rate("N150", {.context = 1024, .batch = 32}));
  EXPECT_LT(32 * rate("N150", {.context = 1024, .batch = 32}) / now, 32);
  EXPECT_GT(32 * rate("N150", {.context = 1024, .batch = 32}), 8 * now);
  EXPECT_GT(now, rate("N150", base, "bfp8"));
  EXPECT_GT(rate("N150", base, "bfp8"), rate("N150", base, "bf16"));
  EXPECT_GT(rate("N300", base), now);
  EXPECT_GT(rate("P150", base), rate("P100", base));
  EXPECT_GT(now, rate("N150", base, "performance", {.traced = false}));
  EXPECT_GT(now, rate("N150", base, "performance", {.sharded = false}));
  EXPECT_GT(now, rate("N150", base, "performance", {.host_sampling = true}));
  EXPECT_LT(now, rate("N150", base, "performance", {.fused = true}));
  const auto ttft = [&](std::int64_t prompt) {
    return plan_of(subject, "N150", {.load = {.context = 1024, .batch = 1, .prompt = prompt}}).speed.ttft_ms;
  };
  EXPECT_LT(ttft(128), ttft(2048));
  EXPECT_GT(ttft(32768), 8 * ttft(4096));  // attention grows with the square
}

TEST(PlanSpeed, FirstPublishedFiguresAreNear) {
  // PERF.md of the stack (tt_stack.md §3.1), single-chip rows; the whole table: docs/predicted_vs_published.md.
  const Load load{.context = 228, .batch = 1, .prompt = 128};
  EXPECT_NEAR(plan_of(eight_b(), "N150", {.load = load}).speed.tokens_per_s_per_user, 28.3, 0.2 * 28.3);
  EXPECT_NEAR(plan_of(eight_b(), "P150", {.load = load}).speed.tokens_per_s_per_user, 33.6, 0.25 * 33.6);
  EXPECT_NEAR(plan_of(eight_b(), "T3K", {.load = load}).speed.tokens_per_s_per_user, 64.3, 0.25 * 64.3);
}

TEST(PlanSpeed, TiersAreSharesOfTheThreeMaxima) {
  const Plan plan = plan_of(eight_b(), "N150", {.load = {.context = 1024}});
  ASSERT_EQ(plan.tiers.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_NEAR(plan.tiers[i].share, plan.speed.tokens_per_s_per_user / plan.maxima[i].tokens_per_s_per_user, 1e-12);
  EXPECT_EQ(plan.maxima[0].definition, "strict");
  EXPECT_LT(plan.tiers[0].share, 1);
}

TEST(PlanSpeed, LeversSayWhatTheyBuy) {
  const Plan plan = plan_of(eight_b(), "P150", {.policy = "stack", .load = {.context = 1024}});
  const auto gain = [&](std::string_view kind, std::string_view words) {
    for (const Lever& lever : plan.levers)
      if (lever.kind == kind && lever.what.find(words) != std::string::npos) return lever.gain;
    ADD_FAILURE() << "no lever " << kind << ": " << words;
    return 0.0;
  };
  EXPECT_LT(gain("trace", "without"), 0);
  EXPECT_GT(gain("fusion", "fused"), 0);
  // Eight cores beside eight banks are bound by the matrix unit at HiFi2: fidelity alone buys speed (#50662).
  EXPECT_GT(gain("fidelity", "every product at LoFi"), 0.1);
  for (const Lever& lever : plan.levers)
    EXPECT_NEAR(lever.gain, lever.tokens_per_s_per_user / plan.speed.tokens_per_s_per_user - 1, 1e-9);
}

TEST(PlanSpeed, ExpertsLieOnChipsWhole) {
  Json entry = dimension_entry(2, 256, 8, 8, 32, 512, 256, 512);
  entry["num_local_experts"] = 8;
  entry["num_experts_per_tok"] = 2;
  const Subject subject = subject_of("mixture", entry);
  const Plan one = plan_of(subject, "N150", {.policy = "bfp8", .load = {.context = 64}});
  EXPECT_EQ(op_of(one.speed.decode, "expert ff2").work.times, 2 * 8);
  const Plan eight = plan_of(subject, "T3K", {.policy = "bfp8", .load = {.context = 64}});
  EXPECT_EQ(op_of(eight.speed.decode, "expert ff2").work.times, 2);
  EXPECT_EQ(op_of(eight.speed.decode, "expert ff2").work.k, 512);
  // One user reads a quarter of the experts' bytes, by the ledger's definition.
  const auto line = std::ranges::find(one.ledger.lines, "ff2", &ByteLine::name);
  ASSERT_NE(line, one.ledger.lines.end());
  EXPECT_NEAR(line->bytes_per_step / line->stored_bytes, 0.25, 1e-9);
}

TEST(PlanSpeed, UnknownFidelityIsRefused) {
  EXPECT_EQ(testing::expect_error([] { phases_of_setting("hifi5"); }).category(), Category::kUsage);
  EXPECT_EQ(testing::expect_error([] {
              plan_of(eight_b(), "N150", {.policy = "precision_cfg = {ff1_3: bfp4}, fidelity_cfg = {li_ff2: hifi9}"});
            }).category(),
            Category::kUsage);
  for (const auto& [name, phases] :
       {std::pair{"lofi", 1}, {"hifi2", 2}, {"hifi2na", 2}, {"hifi3", 3}, {"hifi4fp32", 4}})
    EXPECT_EQ(phases_of_setting(name), phases);
}

}  // namespace
}  // namespace firstlight::harness::plan
