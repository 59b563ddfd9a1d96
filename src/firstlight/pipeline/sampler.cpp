// Sampling in double, from a counter generator.
#include "firstlight/pipeline/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "firstlight/base/error.h"
#include "firstlight/base/rng.h"

namespace firstlight::pipeline {
namespace {

// Ids of the `count` largest logits, in order.
std::vector<std::int32_t> largest(std::span<const float> logits, std::size_t count) {
  std::vector<std::int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto before = [&](std::int32_t a, std::int32_t b) {
    const float left = logits[static_cast<std::size_t>(a)];
    const float right = logits[static_cast<std::size_t>(b)];
    return left != right ? left > right : a < b;
  };
  std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count), ids.end(), before);
  ids.resize(count);
  return ids;
}

void normalise(std::vector<Candidate>& candidates) {
  double sum = 0;
  for (const Candidate& candidate : candidates) sum += candidate.probability;
  for (Candidate& candidate : candidates) candidate.probability /= sum;
}

}  // namespace

void check_sampling(const SamplingOptions& options) {
  if (!(options.temperature >= 0) || !std::isfinite(options.temperature)) {
    fail(Category::kUsage, "--temperature", "{} is not 0 or more", options.temperature);
  }
  if (options.top_k < 0) fail(Category::kUsage, "--top-k", "{} is not 0 (all) or more", options.top_k);
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    fail(Category::kUsage, "--top-p", "{} is not above 0 and at most 1", options.top_p);
  }
}

std::int32_t argmax(std::span<const float> logits) {
  FL_CHECK(!logits.empty());
  std::size_t best = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i])) fail(Category::kInternal, "sampler", "the logit of id {} is NaN", i);
    if (logits[i] > logits[best]) best = i;
  }
  return static_cast<std::int32_t>(best);
}

std::vector<Candidate> candidates(std::span<const float> logits, const SamplingOptions& options) {
  const double top = logits[static_cast<std::size_t>(argmax(logits))];
  if (!std::isfinite(top)) fail(Category::kInternal, "sampler", "the largest logit is {}", top);
  const std::size_t count =
      options.top_k > 0 ? std::min(logits.size(), static_cast<std::size_t>(options.top_k)) : logits.size();
  std::vector<Candidate> result;
  for (const std::int32_t id : largest(logits, count)) {
    result.push_back({id, std::exp((logits[static_cast<std::size_t>(id)] - top) / options.temperature)});
  }
  normalise(result);
  if (options.top_p < 1) {
    double before = 0;  // a candidate stays while those before it fall short of p
    const auto end = std::ranges::find_if(result, [&](const Candidate& candidate) {
      const bool beyond = before >= options.top_p;
      before += candidate.probability;
      return beyond;
    });
    result.erase(end, result.end());
    normalise(result);
  }
  return result;
}

std::int32_t sample(std::span<const float> logits, const SamplingOptions& options, std::uint64_t user,
                    std::uint64_t position) {
  if (options.temperature == 0) return argmax(logits);
  const std::vector<Candidate> from = candidates(logits, options);
  double left = uniform_at(options.seed, user, position);
  for (const Candidate& candidate : from) {
    left -= candidate.probability;
    if (left < 0) return candidate.id;
  }
  return from.back().id;  // the probabilities add up to a little less than 1
}

}  // namespace firstlight::pipeline
