// The bench: what it measures and counts, pairs and their interval, and what it refuses.
#include "firstlight/harness/bench.h"

#include <gmock/gmock.h>

#include <cmath>

#include "firstlight/base/progress.h"
#include "firstlight/harness/statistics.h"
#include "harness/engines.h"

namespace firstlight::harness {
namespace {

using testing::expect_error;
using ::testing::HasSubstr;

TEST(Statistics, MediansAndPercentiles) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(percentile({10, 20, 30, 40, 50}, 0.9), 46);
  EXPECT_EQ(percentile({7}, 0.99), 7);
  EXPECT_EQ(spread({8, 10, 13}), 0.5);
  EXPECT_EQ(spread({}), 0);
}

// Values of any printed table of Student's distribution.
TEST(Statistics, StudentQuantiles) {
  EXPECT_NEAR(student_quantile(0.95, 1), 12.7062, 1e-3);
  EXPECT_NEAR(student_quantile(0.95, 2), 4.30265, 1e-4);
  EXPECT_NEAR(student_quantile(0.99, 10), 3.16927, 1e-4);
  EXPECT_NEAR(student_quantile(0.95, 30), 2.04227, 1e-4);
}

TEST(Statistics, RatioIntervalHasNoWidthForEqualRatiosAndHoldsTheTruth) {
  const RatioInterval equal = ratio_interval(std::vector<double>{2, 4, 8}, std::vector<double>{1, 2, 4}, 0.95);
  EXPECT_NEAR(equal.ratio, 2, 1e-12);
  EXPECT_NEAR(equal.low, 2, 1e-9);
  EXPECT_NEAR(equal.high, 2, 1e-9);
  // Logs of the ratios: 0.1, 0.3: mean 0.2, standard error 0.1, t = 12.7062.
  const RatioInterval two =
      ratio_interval(std::vector<double>{std::exp(0.1), std::exp(0.3)}, std::vector<double>{1, 1}, 0.95);
  EXPECT_NEAR(two.ratio, std::exp(0.2), 1e-12);
  EXPECT_NEAR(two.low, std::exp(0.2 - 1.27062), 1e-4);
  EXPECT_NEAR(two.high, std::exp(0.2 + 1.27062), 1e-3);
  // Of intervals over noisy pairs about 95 % hold the ratio that the noise is around.
  Rng rng(3);
  int held = 0;
  constexpr int kTrials = 1000;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> a;
    std::vector<double> b;
    for (int i = 0; i < 5; ++i) {
      a.push_back(3 * std::exp(0.1 * rng.normal()));
      b.push_back(2 * std::exp(0.1 * rng.normal()));
    }
    const RatioInterval interval = ratio_interval(a, b, 0.95);
    held += interval.low <= 1.5 && 1.5 <= interval.high ? 1 : 0;
  }
  // Five standard errors of a binomial share: sqrt(0.95 * 0.05 / 1000).
  EXPECT_NEAR(held / static_cast<double>(kTrials), 0.95, 5 * std::sqrt(0.95 * 0.05 / kTrials));
}

BenchOptions few() {
  Progress::set_quiet(true);
  BenchOptions options;
  options.prompt = 8;
  options.depth = 4;
  options.generate = 3;
  options.batch = 2;
  options.repeats = 2;
  options.probe_seconds = 0;
  return options;
}

TEST(Bench, MeasuresBothPhases) {
  Rig rig = make_rig(golden("llama_plain"), device::default_device());
  const auto list = run_bench(*rig.engine, few());
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].phase, "prefill");
  EXPECT_EQ(list[1].phase, "decode");
  for (const auto& m : list) {
    EXPECT_GT(m.tokens_per_s, 0);
    EXPECT_EQ(m.rates.size(), 2U);
    EXPECT_EQ(m.tokens_per_s, median(m.rates));
    EXPECT_GT(m.flops_per_step, 0);
    EXPECT_EQ(m.share_of_bandwidth, 0) << "no probe, no share";
    EXPECT_GT(m.rss_bytes, 0U);
    EXPECT_NEAR(m.tokens_per_s, 2 * m.tokens_per_s_per_user, 1e-6 * m.tokens_per_s);
  }
  EXPECT_NEAR(list[0].tokens_per_s, 16 * list[0].steps_per_s, 1e-6 * list[0].tokens_per_s);
  EXPECT_NEAR(list[1].tokens_per_s, 2 * list[1].steps_per_s, 1e-6 * list[1].tokens_per_s);
  EXPECT_GT(list[1].latency_ms_p50, 0);
  EXPECT_LE(list[1].latency_ms_p50, list[1].latency_ms_p99);
}

// What a decode step reads is the byte ledger's weights once, the cache of each user, and activations.
TEST(Bench, CountsTheBytesOfAStep) {
  const Rig rig = make_rig(golden("llama_plain"), device::default_device(), "bf16");
  BenchOptions options = few();
  const auto bytes_per_step = [&](std::int64_t depth, int batch) {
    options.depth = depth;
    options.batch = batch;
    options.prompt = 0;
    options.generate = 1;
    options.warmup = 0;
    return run_bench(*rig.engine, options).at(0).bytes_per_step;
  };
  const model::Model& model = rig.engine->model();
  run::WeightPlanSink plan;
  model::make_model(io::Config::load(golden("llama_plain") / "config.json"))->declare(plan);
  const run::Policy& policy = rig.engine->session().policy();
  const ByteLedger ledger = byte_ledger(model, plan.requests(), policy, 0, 1, Padding::kBlocks);
  const double one = bytes_per_step(4, 1);
  EXPECT_GT(one, 0.9 * ledger.bytes_per_step);
  // 20 positions more of each user, and nothing else (page tables and positions are the same size).
  EXPECT_NEAR(bytes_per_step(24, 1) - one, 20 * model.state_bytes_per_position(policy), 0.01 * one);
  EXPECT_LT(bytes_per_step(4, 4), 4 * one);  // weights are read once for all users
}

TEST(Bench, EitherPhaseAlone) {
  Rig rig = make_rig(golden("llama_plain"), device::default_device());
  BenchOptions options = few();
  options.prompt = 0;
  const auto decode = run_bench(*rig.engine, options);
  ASSERT_EQ(decode.size(), 1U);
  EXPECT_EQ(decode[0].phase, "decode");
  options = few();
  options.generate = 0;
  const auto prefill = run_bench(*rig.engine, options);
  ASSERT_EQ(prefill.size(), 1U);
  EXPECT_EQ(prefill[0].phase, "prefill");
}

TEST(Bench, ProbesGiveShares) {
  Rig rig = make_rig(golden("llama_plain"), device::default_device());
  BenchOptions options = few();
  options.probe_seconds = 0.005;
  options.repeats = 1;
  for (const auto& m : run_bench(*rig.engine, options)) {
    EXPECT_GT(m.share_of_bandwidth, 0);
    EXPECT_GT(m.share_of_peak, 0);
    EXPECT_LT(m.share_of_peak, 1.5);
    EXPECT_GT(m.bandwidth, 0);
    EXPECT_GT(m.peak_flops, 0);
  }
}

TEST(Bench, PairsAreMeasuredInTurns) {
  Rig a = make_rig(golden("llama_plain"), device::default_device(), "f32");
  Rig b = make_rig(golden("llama_plain"), device::default_device(), "bf16", 1);
  BenchOptions options = few();
  options.repeats = 3;
  BenchOptions other = options;
  other.chunk = 3;
  const auto list = run_paired(*a.engine, options, *b.engine, other);
  ASSERT_EQ(list.size(), 2U);
  for (const Comparison& c : list) {
    EXPECT_EQ(c.a.policy, "f32");
    EXPECT_EQ(c.b.policy, "bf16");
    EXPECT_EQ(c.b.threads, 1);
    EXPECT_EQ(c.b.chunk, 3);
    ASSERT_EQ(c.a.rates.size(), 3U);
    const RatioInterval interval = ratio_interval(c.a.rates, c.b.rates, kRatioConfidence);
    EXPECT_EQ(c.ratio, interval.ratio);
    EXPECT_LE(c.low, c.ratio);
    EXPECT_GE(c.high, c.ratio);
  }
  options.repeats = 1;
  EXPECT_EQ(expect_error([&] { run_paired(*a.engine, options, *b.engine, options); }).category(), Category::kUsage);
}

TEST(Bench, RefusesWhatCannotRun) {
  Rig rig = make_rig(golden("llama_plain"), device::default_device());
  const auto category = [&](const auto& change) {
    BenchOptions options = few();
    change(options);
    return expect_error([&] { run_bench(*rig.engine, options); }).category();
  };
  EXPECT_EQ(category([](BenchOptions& o) { o.prompt = o.generate = 0; }), Category::kUsage);
  EXPECT_EQ(category([](BenchOptions& o) { o.prompt = 1 << 30; }), Category::kUsage);
  EXPECT_EQ(category([](BenchOptions& o) { o.batch = 0; }), Category::kUsage);
  EXPECT_EQ(category([](BenchOptions& o) { o.depth = -1; }), Category::kUsage);
  EXPECT_EQ(category([](BenchOptions& o) { o.repeats = 0; }), Category::kUsage);
  EXPECT_EQ(category([](BenchOptions& o) { o.batch = 2147483647; }), Category::kResource);
}

}  // namespace
}  // namespace firstlight::harness
