// Distributions against hand values, draws against the distributions.
#include "firstlight/pipeline/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "firstlight/base/rng.h"
#include "testing/testing.h"

namespace firstlight::testing {
namespace {

using pipeline::Candidate;
using pipeline::SamplingOptions;

// Probabilities 0.5, 0.25, 0.125, 0.125 at temperature 1, not in order of size.
const std::vector<float> kLogits = {0.0F, static_cast<float>(std::log(2.0)), 0.0F, static_cast<float>(std::log(4.0))};

void expect_candidates(const SamplingOptions& options, const std::vector<Candidate>& want) {
  const std::vector<Candidate> got = pipeline::candidates(kLogits, options);
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(got[i].id, want[i].id) << i;
    EXPECT_NEAR(got[i].probability, want[i].probability, 1e-7) << i;  // the logits are f32
  }
}

TEST(Sampler, TemperatureSharpens) {
  expect_candidates({.temperature = 1}, {{3, 0.5}, {1, 0.25}, {0, 0.125}, {2, 0.125}});
  // Probabilities squared, then normalised: 16, 4, 1, 1 of 22.
  expect_candidates({.temperature = 0.5}, {{3, 16 / 22.0}, {1, 4 / 22.0}, {0, 1 / 22.0}, {2, 1 / 22.0}});
}

TEST(Sampler, TopKKeepsTheLargestAndTheLowerIdAmongEquals) {
  expect_candidates({.temperature = 1, .top_k = 3}, {{3, 4 / 7.0}, {1, 2 / 7.0}, {0, 1 / 7.0}});
  expect_candidates({.temperature = 1, .top_k = 99}, {{3, 0.5}, {1, 0.25}, {0, 0.125}, {2, 0.125}});
  expect_candidates({.temperature = 1, .top_k = 1}, {{3, 1}});
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  expect_candidates({.temperature = 1, .top_p = 0.45}, {{3, 1}});
  expect_candidates({.temperature = 1, .top_p = 0.6}, {{3, 2 / 3.0}, {1, 1 / 3.0}});
  expect_candidates({.temperature = 1, .top_p = 0.8}, {{3, 4 / 7.0}, {1, 2 / 7.0}, {0, 1 / 7.0}});
  expect_candidates({.temperature = 1, .top_p = 1e-9}, {{3, 1}});
}

TEST(Sampler, OrderIsTemperatureThenTopKThenTopP) {
  // After top_k 2 the probabilities are 2/3 and 1/3: top_p 0.6 leaves one. (Before top_k it would leave two.)
  expect_candidates({.temperature = 1, .top_k = 2, .top_p = 0.6}, {{3, 1}});
  // At temperature 0.5 the first alone reaches 0.7; at 1 it would not.
  expect_candidates({.temperature = 0.5, .top_p = 0.7}, {{3, 1}});
}

TEST(Sampler, GreedyTakesTheLowestIdAmongEquals) {
  EXPECT_EQ(pipeline::argmax(std::vector<float>{1, 3, 2, 3}), 1);
  EXPECT_EQ(pipeline::sample(kLogits, {}, 0, 0), 3);
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(pipeline::argmax(std::vector<float>{-infinity, -infinity}), 0);
}

TEST(Sampler, DrawsFollowTheDistribution) {
  const SamplingOptions options{.temperature = 1, .seed = 42};
  constexpr int kDraws = 20000;
  std::vector<int> counts(4);
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    ++counts[static_cast<std::size_t>(pipeline::sample(kLogits, options, i % 7, i / 7))];
  }
  const double want[] = {0.125, 0.25, 0.125, 0.5};
  for (std::size_t id = 0; id < 4; ++id) {
    // Five standard deviations of a binomial count; the draws are fixed by the seed.
    const double deviation = std::sqrt(kDraws * want[id] * (1 - want[id]));
    EXPECT_NEAR(counts[id], kDraws * want[id], 5 * deviation) << id;
  }
}

TEST(Sampler, ADrawIsTheCandidateThatItsNumberFallsOn) {
  const SamplingOptions options{.temperature = 1, .seed = 9};
  for (std::uint64_t position = 0; position < 200; ++position) {
    const double u = uniform_at(9, 3, position);
    const std::int32_t want = u < 0.5 ? 3 : u < 0.75 ? 1 : u < 0.875 ? 0 : 2;
    EXPECT_EQ(pipeline::sample(kLogits, options, 3, position), want) << u;
  }
}

TEST(Sampler, RefusesWhatIsOutOfRange) {
  const auto refused = [](const SamplingOptions& options, const std::string& flag) {
    const Error error = expect_error([&] { pipeline::check_sampling(options); });
    EXPECT_EQ(error.category(), Category::kUsage);
    EXPECT_EQ(error.where(), flag);
  };
  refused({.temperature = -1}, "--temperature");
  refused({.temperature = std::nan("")}, "--temperature");
  refused({.top_k = -1}, "--top-k");
  refused({.top_p = 0}, "--top-p");
  refused({.top_p = 1.1}, "--top-p");
  pipeline::check_sampling({.temperature = 2, .top_k = 5, .top_p = 1});
}

TEST(Sampler, NotANumberIsAnError) {
  const std::vector<float> logits = {0, std::nanf(""), 1};
  EXPECT_EQ(expect_error([&] { pipeline::sample(logits, {}, 0, 0); }).category(), Category::kInternal);
  EXPECT_EQ(expect_error([&] { pipeline::sample(logits, {.temperature = 1}, 0, 0); }).category(), Category::kInternal);
}

}  // namespace
}  // namespace firstlight::testing
