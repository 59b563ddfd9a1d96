// Declarations of weights.
#include "firstlight/run/weights.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

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
  if (transposed) return fmt::format("transposed({})", sum);
  return stacked ? fmt::format("stacked({})", sum) : sum;
}

std::string name_in(const io::Checkpoint& checkpoint, const std::string& name,
                    std::span<const std::string> optional_prefixes) {
  if (checkpoint.has(name)) return name;
  for (const std::string& prefix : optional_prefixes)
    if (name.starts_with(prefix) && checkpoint.has(name.substr(prefix.size()))) return name.substr(prefix.size());
  return name;
}

WeightExpr spelled_in(const io::Checkpoint& checkpoint, const WeightExpr& source,
                      std::span<const std::string> optional_prefixes) {
  const auto named = [&](const WeightExpr& spelling) {
    WeightExpr result = spelling;
    result.otherwise.clear();
    for (WeightExpr::Part& part : result.parts) part.name = name_in(checkpoint, part.name, optional_prefixes);
    return result;
  };
  const WeightExpr first = named(source);
  const auto complete = [&](const WeightExpr& spelling) {
    return std::ranges::all_of(spelling.parts, [&](const auto& part) { return checkpoint.has(part.name); });
  };
  if (complete(first)) return first;
  for (const WeightExpr& other : source.otherwise) {
    WeightExpr spelling = named(other);
    if (complete(spelling)) return spelling;
  }
  return first;
}

const Tensor& Weight::tensor() const {
  if (slot_ == nullptr || slot_->empty()) fail(Category::kInternal, "weight", "is not placed: no load has finished");
  return *slot_;
}

Weight WeightSink::linear(std::string key, Group group, std::int64_t inputs, std::int64_t outputs, WeightExpr source,
                          double read_share) {
  return add({std::move(key), group, WeightKind::kLinear, Shape{inputs, outputs}, std::move(source), read_share});
}

Weight WeightSink::table(std::string key, Group group, std::int64_t rows, std::int64_t columns, WeightExpr source) {
  return add({std::move(key), group, WeightKind::kTable, Shape{rows, columns}, std::move(source)});
}

Weight WeightSink::vector(std::string key, std::int64_t size, WeightExpr source) {
  return add({std::move(key), Group::kVector, WeightKind::kVector, Shape{size}, std::move(source)});
}

void WeightPlanSink::stored_copy(std::string name, std::string) { explained_.push_back(std::move(name)); }

void WeightPlanSink::ignore(std::string pattern, std::string) { explained_.push_back(std::move(pattern)); }

std::vector<std::string> WeightPlanSink::unplaced(const io::Checkpoint& checkpoint) const {
  std::set<std::string> placed;
  for (const WeightRequest& request : requests_)
    for (const auto& part : spelled_in(checkpoint, request.source, optional_prefixes_).parts) placed.insert(part.name);
  std::vector<std::string> patterns = explained_;
  for (const std::string& pattern : explained_)
    for (const std::string& prefix : optional_prefixes_)
      if (pattern.starts_with(prefix)) patterns.push_back(pattern.substr(prefix.size()));
  std::vector<std::string> left;
  for (const std::string& name : checkpoint.names()) {
    const auto explains = [&](const std::string& pattern) { return matches(pattern, name); };
    if (!placed.contains(name) && std::ranges::none_of(patterns, explains)) left.push_back(name);
  }
  return left;
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
