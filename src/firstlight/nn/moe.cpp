// Declaration, routing, and the sum over experts.
#include "firstlight/nn/moe.h"

#include <fmt/format.h>

#include <algorithm>

namespace firstlight::nn {
namespace {

// Rows [begin, end) of a tensor [E, N, K], counted over its outer axes.
run::WeightExpr stacked_rows(const std::string& tensor, std::int64_t begin, std::int64_t end) {
  run::WeightExpr expr = run::WeightExpr::rows(tensor, begin, end);
  expr.stacked = true;
  return expr;
}

// The rows that an expert works on, and where each row of the call stands among them, -1 for the others.
struct Chosen {
  std::vector<std::int32_t> rows;
  std::vector<std::int32_t> places;
};
std::vector<Chosen> rows_by_expert(const HostTensor& weights, std::int32_t top) {  // weights [R, E]
  const auto experts = static_cast<std::size_t>(weights.shape()[1]);
  std::vector<Chosen> chosen(experts);
  for (std::int32_t r = 0; r < static_cast<std::int32_t>(weights.shape()[0]); ++r) {
    const auto row = weights.f32().subspan(static_cast<std::size_t>(r) * experts, experts);
    // A device that does not compute gives zeros: its work is counted as if the first experts were chosen.
    const bool computed = std::ranges::any_of(row, [](float weight) { return weight != 0; });
    for (std::size_t e = 0; e < experts; ++e) {
      // Not "> 0": a weight that is not a number must reach the result.
      const bool uses = computed ? row[e] != 0 : e < static_cast<std::size_t>(top);
      chosen[e].places.push_back(uses ? static_cast<std::int32_t>(chosen[e].rows.size()) : -1);
      if (uses) chosen[e].rows.push_back(r);
    }
  }
  return chosen;
}

run::Tensor upload_indices(run::Session& session, const std::vector<std::int32_t>& indices) {
  return session.upload(HostTensor::from(indices, Shape{static_cast<std::int64_t>(indices.size())}));
}

}  // namespace

Moe::Moe(run::WeightSink& sink, const std::string& layer_key, std::int64_t hidden_size, const MoeSpec& spec)
    : key_(layer_key + "." + spec.name),
      top_(spec.top),
      normalise_(spec.normalise),
      activation_(spec.expert.activation) {
  const std::string other = layer_key + "." + (spec.other_name.empty() ? spec.name : spec.other_name) + ".";
  const std::int64_t size = spec.expert.intermediate_size;
  const double share = static_cast<double>(spec.top) / static_cast<double>(spec.experts);

  run::WeightExpr router(key_ + "." + spec.router + ".weight");
  router.otherwise.emplace_back(other + spec.router + ".weight");
  router_ = Linear(sink, key_ + "." + spec.router, run::Group::kVector, hidden_size, spec.experts, router, 1);

  for (std::int64_t e = 0; e < spec.experts; ++e) {
    const std::string key = fmt::format("{}.experts.{}", key_, e);
    const auto declare = [&](const Projection& projection, run::Group group, std::int64_t inputs, std::int64_t outputs,
                             run::WeightExpr stacked) {
      run::WeightExpr source(key + "." + projection.name + ".weight");
      source.otherwise.emplace_back(fmt::format("{}experts.{}.{}.weight", other, e, projection.name));
      source.otherwise.push_back(std::move(stacked));
      return Linear(sink, key + "." + projection.name, group, inputs, outputs, std::move(source), share);
    };
    const std::string gate_up = other + spec.stacked_gate_up;
    const std::int64_t first = 2 * e * size;
    experts_.push_back(
        {key,
         declare(spec.expert.gate, run::Group::kFf1_3, hidden_size, size, stacked_rows(gate_up, first, first + size)),
         declare(spec.expert.up, run::Group::kFf1_3, hidden_size, size,
                 stacked_rows(gate_up, first + size, first + 2 * size)),
         declare(spec.expert.down, run::Group::kFf2, size, hidden_size,
                 stacked_rows(other + spec.stacked_down, e * hidden_size, (e + 1) * hidden_size))});
  }
}

run::Tensor Moe::run_expert(run::Session& session, const Expert& expert, const run::Tensor& x) const {
  const run::Tensor gate = expert.gate(session, x);
  return expert.down(session, run::gated(session, expert.key + ".gated", activation_, gate, expert.up(session, x)));
}

run::Tensor Moe::operator()(run::Session& session, const run::Tensor& x) const {
  const std::int64_t rows = x.shape()[0];
  const run::Tensor weights = run::route(session, key_ + ".route", router_.f32(session, x),
                                         op::Route{.top = top_, .normalise = normalise_});  // [R, E]
  const std::vector<Chosen> chosen = rows_by_expert(session.download(weights), top_);
  std::size_t last = experts_.size() - 1;
  while (last > 0 && chosen[last].rows.empty()) --last;
  run::Tensor sum = session.allocate(Format::f32, x.shape());
  for (std::size_t e = 0; e <= last; ++e) {
    const Chosen& own = chosen[e];
    if (own.rows.empty()) continue;
    const Expert& expert = experts_[e];
    const bool all = static_cast<std::int64_t>(own.rows.size()) == rows;
    const run::Tensor input =
        all ? x : run::gather_rows(session, expert.key + ".gather_rows", x, upload_indices(session, own.rows));
    const auto column = static_cast<std::int64_t>(e);
    // Sums stay f32 until the last, which is the block's output.
    sum = run::add_gathered(session, e == last ? key_ : expert.key, sum, run_expert(session, expert, input),
                            weights.columns(column, column + 1), upload_indices(session, own.places),
                            e == last ? std::nullopt : std::optional(Format::f32));
  }
  return sum;
}

}  // namespace firstlight::nn
