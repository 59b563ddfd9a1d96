// From logits to the next token.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace firstlight::pipeline {

struct SamplingOptions {
  double temperature = 0;  // 0 = the largest logit
  std::int64_t top_k = 0;  // the k largest only; 0 = all
  double top_p = 1;        // the fewest of the largest whose probabilities add up to p; 1 = all
  std::uint64_t seed = 0;
};

// Throws kUsage naming the flag of a value out of its range.
void check_sampling(const SamplingOptions& options);

struct Candidate {
  std::int32_t id = 0;
  double probability = 0;
};

// What a token is drawn from, likeliest first, equal logits by the lower id: softmax(logits / temperature) over the top
// k, of those the top p, renormalised. (The order of Hugging Face's processors: temperature, top_k, top_p.)
std::vector<Candidate> candidates(std::span<const float> logits, const SamplingOptions& options);

// The largest logit, the lowest id among equals. Throws kInternal when a logit is NaN.
std::int32_t argmax(std::span<const float> logits);

// The token at index `position` of a user's text. It depends on nothing but the arguments, so not on batch-mates.
std::int32_t sample(std::span<const float> logits, const SamplingOptions& options, std::uint64_t user,
                    std::uint64_t position);

}  // namespace firstlight::pipeline
