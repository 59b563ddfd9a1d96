// Scoring a text, and paired differences.
#include "firstlight/harness/tune/scores.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "firstlight/base/error.h"
#include "firstlight/harness/metrics.h"
#include "firstlight/harness/statistics.h"

namespace firstlight::harness::tune {
namespace {

constexpr double kConfidence = 0.95;

double loss_of(std::span<const float> logits, std::int32_t best) {
  const double top = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - top);
  return std::log(sum) + top - static_cast<double>(logits[static_cast<std::size_t>(best)]);
}

// Scores rows of logits, the first at `position`.
void score(const Capsule& capsule, std::int64_t position, const HostTensor& logits, Scores& scores) {
  const std::int64_t vocabulary = logits.shape()[-1];
  for (std::int64_t row = 0; row < logits.shape()[0]; ++row) {
    const auto of_row =
        logits.f32().subspan(static_cast<std::size_t>(row * vocabulary), static_cast<std::size_t>(vocabulary));
    const auto& best = capsule.top5[static_cast<std::size_t>(position + row - capsule.first_position)];
    for (const std::int32_t id : best)
      if (id < 0 || id >= vocabulary)
        fail(Category::kMismatch, capsule.origin, "holds token id {}; the model's vocabulary has {}", id, vocabulary);
    const std::int32_t predicted = argmax(of_row);
    scores.top1.push_back(predicted == best[0] ? 1 : 0);
    scores.top5.push_back(std::ranges::find(best, predicted) != best.end() ? 1 : 0);
    scores.loss.push_back(loss_of(of_row, best[0]));
  }
}

}  // namespace

Scores score_text(run::Session& session, const model::Model& model, const Capsule& capsule, std::int64_t prefill) {
  const auto count = static_cast<std::int64_t>(capsule.ids.size());
  const std::int64_t rows = count - prefill;  // positions prefill - 1 ... count - 2
  if (prefill < 1 || rows < 1)
    fail(Category::kMismatch, capsule.origin, "{} tokens cannot be split after {}", count, prefill);
  if (capsule.first_position > prefill - 1 ||
      capsule.first_position + static_cast<std::int64_t>(capsule.top5.size()) < count - 1)
    fail(Category::kMismatch, capsule.origin, "does not cover the positions {} to {}", prefill - 1, count - 2);
  const std::int64_t vocabulary = model.description().vocab_size;
  for (const std::int32_t id : capsule.ids)
    if (id < 0 || id >= vocabulary)
      fail(Category::kMismatch, capsule.origin, "holds token id {}; the model's vocabulary has {}", id, vocabulary);

  nn::StateOptions options;
  options.max_length = options.declared_length = count - 1;
  const auto state = model.new_state(session, options);
  Scores scores;
  const auto score_rows = [&](run::Phase phase, std::int64_t begin, std::int64_t end, std::int64_t first_scored) {
    session.set_phase(phase);
    nn::Batch batch;
    for (std::int64_t position = begin; position < end; ++position) {
      batch.ids.push_back(capsule.ids[static_cast<std::size_t>(position)]);
      batch.sequences.push_back(0);
      batch.positions.push_back(static_cast<std::int32_t>(position));
      if (position >= first_scored) batch.logit_rows.push_back(static_cast<std::int32_t>(position - begin));
    }
    score(capsule, first_scored, session.download(model.forward(session, batch, *state)), scores);
  };
  score_rows(run::Phase::kPrefill, 0, prefill, prefill - 1);
  if (rows > 1) score_rows(run::Phase::kDecode, prefill, count - 1, prefill);
  return scores;
}

double mean(std::span<const double> values) {
  return values.empty() ? 0 : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

Paired paired(std::span<const double> a, std::span<const double> b) {
  FL_CHECK(a.size() == b.size() && a.size() > 1);
  std::vector<double> differences(a.size());
  std::ranges::transform(a, b, differences.begin(), std::minus<>());
  const double middle = mean(differences);
  double squares = 0;
  for (const double d : differences) squares += (d - middle) * (d - middle);
  const auto n = static_cast<double>(a.size());
  const double half = student_quantile(kConfidence, static_cast<int>(a.size()) - 1) * std::sqrt(squares / (n - 1) / n);
  return {middle, middle - half, middle + half};
}

}  // namespace firstlight::harness::tune
