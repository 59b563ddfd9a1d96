// Prefill, then one forced token a step.
#include "firstlight/harness/teacher_forcing.h"

#include <algorithm>
#include <cmath>

#include "firstlight/base/error.h"
#include "firstlight/base/progress.h"
#include "firstlight/harness/metrics.h"

namespace firstlight::harness {
namespace {

constexpr float kNearTie = 0.05F;  // logits; docs/phi3_nano_reference.md gives its share for the bundled model

void score(TeacherForcing& result, const Capsule& capsule, std::int64_t position, std::int32_t predicted) {
  const auto row = static_cast<std::size_t>(position - capsule.first_position);
  const auto& best = capsule.top5[row];
  const bool in_top5 = std::ranges::find(best, predicted) != best.end();
  ++result.scored;
  result.top1_hits += predicted == best[0];
  result.top5_hits += in_top5;
  result.text_hits += predicted == capsule.ids[static_cast<std::size_t>(position + 1)];
  if (predicted == best[0]) return;
  const float margin = capsule.margins.empty() ? std::nanf("") : capsule.margins[row];
  result.near_tie_misses += margin < kNearTie;
  result.misses.push_back({position, predicted, best[0], in_top5, margin});
}

}  // namespace

std::int64_t text_tokens(const model::Model& model, const Target& target) {
  const auto tokens = static_cast<std::int64_t>(target.number("teacher_forcing", "tokens"));
  const std::int64_t positions = model.description().max_positions;
  return positions > 0 ? std::min(tokens, positions) : tokens;
}

std::int64_t split_after(const Capsule& capsule, const Target& target) {
  const auto count = static_cast<std::int64_t>(capsule.ids.size());
  const auto wanted = static_cast<std::int64_t>(target.number("teacher_forcing", "prefill"));
  return wanted < count ? wanted : std::max<std::int64_t>(1, count / 2);
}

TeacherForcing teacher_force(run::Session& session, const model::Model& model, const Capsule& capsule,
                             std::int64_t prefill, std::int64_t chunk) {
  const auto count = static_cast<std::int64_t>(capsule.ids.size());
  const std::int64_t last = count - 2;  // the last position whose successor is known
  if (prefill < 1 || prefill > count - 1)
    fail(Category::kMismatch, capsule.origin, "{} tokens cannot be split after {}", count, prefill);
  if (capsule.first_position > prefill - 1 ||
      capsule.first_position + static_cast<std::int64_t>(capsule.top5.size()) - 1 < last)
    fail(Category::kMismatch, capsule.origin, "covers the positions {} to {}; teacher forcing needs {} to {}",
         capsule.first_position, capsule.first_position + static_cast<std::int64_t>(capsule.top5.size()) - 1,
         prefill - 1, last);
  const std::int64_t vocabulary = model.description().vocab_size;
  for (const std::int32_t id : capsule.ids)
    if (id < 0 || id >= vocabulary)
      fail(Category::kMismatch, capsule.origin, "holds token id {}; the model's vocabulary has {}", id, vocabulary);

  nn::StateOptions options;
  options.max_length = count - 1;
  options.declared_length = count - 1;
  const auto state = model.new_state(session, options);

  TeacherForcing result;
  result.prefill = prefill;
  Progress progress("teacher forcing", count - 1, "tokens");
  const std::span<const std::int32_t> ids(capsule.ids);
  const HostTensor first =
      pipeline::prefill(session, model, *state, 0, ids.first(static_cast<std::size_t>(prefill)), chunk, false);
  score(result, capsule, prefill - 1, argmax(first.f32()));
  progress.set(prefill);
  for (std::int64_t position = prefill; position <= last; ++position) {
    const std::int32_t sequence = 0;
    const HostTensor logits =
        pipeline::decode(session, model, *state, {&sequence, 1}, ids.subspan(static_cast<std::size_t>(position), 1));
    score(result, capsule, position, argmax(logits.f32()));
    progress.set(position + 1);
  }
  return result;
}

std::vector<Verdict> verdicts(const TeacherForcing& result, const Capsule& capsule, const Target& target) {
  std::string note = fmt::format("{} with {} ({} prefilled, {} positions scored)", capsule.verdict_word(),
                                 capsule.origin, result.prefill, result.scored);
  if (const double wanted = target.number("teacher_forcing", "prefill"); static_cast<double>(result.prefill) < wanted)
    note += fmt::format("; the target prefills {}, the reference is shorter", wanted);
  return {target.judge("top1", result.top1(), "%", note), target.judge("top5", result.top5(), "%", note)};
}

Json TeacherForcing::json() const {
  Json json;
  json["prefill"] = prefill;
  json["scored"] = scored;
  json["top1"] = top1();
  json["top5"] = top5();
  json["text_top1"] = scored == 0 ? 0 : static_cast<double>(text_hits) / static_cast<double>(scored);
  json["near_tie_misses"] = near_tie_misses;
  Json list = Json::array();
  for (const Miss& miss : misses)
    list.push_back({{"position", miss.position},
                    {"predicted", miss.predicted},
                    {"expected", miss.expected},
                    {"in_top5", miss.in_top5},
                    {"margin", std::isnan(miss.margin) ? Json(nullptr) : Json(miss.margin)}});
  json["misses"] = std::move(list);
  return json;
}

}  // namespace firstlight::harness
