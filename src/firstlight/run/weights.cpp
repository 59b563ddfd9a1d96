// Declarations of weights.
#include "firstlight/run/weights.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "firstlight/base/error.h"

namespace firstlight::run {

WeightExpr WeightExpr::rows(std::string name, std::int64_t begin, std::int64_t end) {
  WeightExpr expr;
  expr.parts.push_back({std::move(name), begin, end});
  return expr;
}

std::string WeightExpr::str() const {
  std::vector<std::string> terms;
  for (const Part& part : parts)
    terms.push_back(part.row_begin == 0 && part.row_end < 0
                        ? part.name
                        : fmt::format("rows({}, {}, {})", part.name, part.row_begin,
                                      part.row_end < 0 ? "end" : std::to_string(part.row_end)));
  const std::string sum = fmt::format("{}", fmt::join(terms, " + "));
  return transposed ? fmt::format("transposed({})", sum) : sum;
}

const Tensor& Weight::tensor() const {
  if (slot_ == nullptr || slot_->empty()) fail(Category::kInternal, "weight", "is not placed: no load has finished");
  return *slot_;
}

Weight WeightSink::linear(std::string key, Group group, std::int64_t inputs, std::int64_t outputs, WeightExpr source) {
  return add({std::move(key), group, WeightKind::kLinear, Shape{inputs, outputs}, std::move(source)});
}

Weight WeightSink::table(std::string key, Group group, std::int64_t rows, std::int64_t columns, WeightExpr source) {
  return add({std::move(key), group, WeightKind::kTable, Shape{rows, columns}, std::move(source)});
}

Weight WeightSink::vector(std::string key, std::int64_t size, WeightExpr source) {
  return add({std::move(key), Group::kVector, WeightKind::kVector, Shape{size}, std::move(source)});
}

void WeightPlanSink::stored_copy(std::string name, std::string) { explained_.push_back(std::move(name)); }

void WeightPlanSink::ignore(std::string pattern, std::string) { explained_.push_back(std::move(pattern)); }

bool WeightPlanSink::explained(std::string_view tensor) const {
  return std::ranges::any_of(explained_, [&](const std::string& pattern) { return matches(pattern, tensor); });
}

std::int64_t WeightPlanSink::parameters() const {
  std::int64_t sum = 0;
  for (const WeightRequest& request : requests_)
    if (__builtin_add_overflow(sum, request.shape.elements(), &sum))
      fail(Category::kBadInput, request.key, "the model has more parameters than can be counted");
  return sum;
}

Weight WeightPlanSink::add(WeightRequest request) {
  requests_.push_back(std::move(request));
  return Weight(std::make_shared<Tensor>());
}

}  // namespace firstlight::run
