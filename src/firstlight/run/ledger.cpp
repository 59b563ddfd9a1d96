// Shapes first, then coverage: each tensor's rows are used once, and every tensor is accounted for.
#include "firstlight/run/ledger.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include "firstlight/base/error.h"
#include "firstlight/base/nearest.h"

namespace firstlight::run {
namespace {

// Rows of a stored tensor, each `length` elements long, as an expression counts them.
struct Rows {
  std::int64_t count = 0;
  std::int64_t length = 0;
};
std::optional<Rows> rows_of(const Shape& shape, const WeightExpr& source, bool vector) {
  if (vector) return shape.rank() == 1 ? std::optional(Rows{shape[0], 1}) : std::nullopt;
  if (shape.rank() != (source.stacked ? 3 : 2)) return std::nullopt;
  if (source.transposed) return Rows{shape[1], shape[0]};
  return Rows{shape.rows(), shape[-1]};
}

using Uses = std::map<std::string, std::vector<std::pair<PlacedPart, const WeightRequest*>>>;

// The names most like a missing one; absurdly long ones are left out.
std::vector<std::string> nearest(std::string_view name, std::span<const std::string> names) {
  constexpr std::size_t kLongest = 1000;
  constexpr std::size_t kShown = 3;
  std::vector<std::string> candidates;
  for (const std::string& other : names)
    if (other.size() < kLongest) candidates.push_back(other);
  return nearest_names(name, std::move(candidates), kShown);
}

class Checker {
 public:
  Checker(const Declarations& declared, const io::Checkpoint& checkpoint)
      : declared_(declared), checkpoint_(checkpoint) {}

  Placement check() {
    for (const WeightRequest& request : declared_.requests) placement_.parts.push_back(place(request));
    for (const auto& [name, parts] : uses_) check_tiling(name, parts);
    for (const auto& [name, of] : declared_.copies) check_copy(name, of);
    account_for_the_rest();
    return std::move(placement_);
  }

 private:
  std::string where(std::string_view name) const {
    return checkpoint_.has(name) ? fmt::format("{}: tensor '{}'", checkpoint_.file(name), name)
                                 : fmt::format("{}: tensor '{}'", checkpoint_.folder().string(), name);
  }

  const io::TensorInfo& find(const std::string& name, const WeightRequest& request) const {
    if (!checkpoint_.has(name))
      fail(Category::kMismatch, where(name), "is missing; component '{}' is made of it. Nearest names there: {}",
           request.key, fmt::join(nearest(name, checkpoint_.names()), ", "));
    const io::TensorInfo& info = checkpoint_.info(name);
    if (!info.format || !row(*info.format).is_float)
      fail(Category::kUnsupported, where(name), "a weight cannot be read from dtype {}", info.dtype);
    return info;
  }

  // The parts of a request, with their shapes checked against what it says.
  std::vector<PlacedPart> place(const WeightRequest& request) {
    FL_CHECK(!request.source.parts.empty());
    const bool vector = request.kind == WeightKind::kVector;
    const bool linear = request.kind == WeightKind::kLinear;
    const std::int64_t wanted = linear ? request.shape[1] : request.shape[0];
    const std::int64_t length = vector ? 1 : (linear ? request.shape[0] : request.shape[1]);
    std::vector<PlacedPart> parts;
    std::int64_t total = 0;
    for (const WeightExpr::Part& part : request.source.parts) {
      const Shape& shape = find(part.name, request).shape;
      const std::optional<Rows> rows = rows_of(shape, request.source, vector);
      if (!rows || rows->length != length) wrong_shape(request, part.name);
      const std::int64_t end = part.row_end < 0 ? rows->count : part.row_end;
      if (part.row_begin < 0 || part.row_begin > end || end > rows->count) wrong_shape(request, part.name);
      parts.push_back({part.name, part.row_begin, end});
      uses_[part.name].emplace_back(parts.back(), &request);
      total += parts.back().rows();
    }
    if (total != wanted) wrong_shape(request, request.source.parts.front().name);
    return parts;
  }

  [[noreturn]] void wrong_shape(const WeightRequest& request, const std::string& name) const {
    std::vector<std::string> found;
    for (const WeightExpr::Part& part : request.source.parts)
      if (checkpoint_.has(part.name)) found.push_back(checkpoint_.info(part.name).shape.str());
    Shape stored = request.shape;
    const bool publishers_order = request.kind == WeightKind::kLinear ? !request.source.transposed
                                                                      : request.source.transposed && stored.rank() == 2;
    if (publishers_order) std::swap(stored[0], stored[1]);
    fail(Category::kMismatch, where(name), "component '{}' = {} needs the shape {}, found {}", request.key,
         request.source.str(), stored.str(), fmt::join(found, " + "));
  }

  // The rows that are used must cover the tensor without a gap and without an overlap.
  void check_tiling(const std::string& name, std::vector<std::pair<PlacedPart, const WeightRequest*>> parts) const {
    std::ranges::stable_sort(parts, {}, [](const auto& use) { return use.first.row_begin; });
    const Shape& shape = checkpoint_.info(name).shape;
    const bool transposed = parts.front().second->source.transposed && shape.rank() == 2;
    const std::int64_t rows = transposed ? shape[1] : shape.rank() == 1 ? shape[0] : shape.rows();
    std::int64_t next = 0;
    const WeightRequest* before = nullptr;
    for (const auto& [part, request] : parts) {
      if ((request->source.transposed && shape.rank() == 2) != transposed)
        fail(Category::kMismatch, where(name), "is read transposed by one of '{}' and '{}', and as it is by the other",
             parts.front().second->key, request->key);
      if (part.row_begin < next)
        fail(Category::kMismatch, where(name), "rows {} to {} are used twice: by '{}' and by '{}'", part.row_begin,
             std::min(next, part.row_end), before->key, request->key);
      if (part.row_begin > next)
        fail(Category::kMismatch, where(name), "rows {} to {} of {} are not used", next, part.row_begin, rows);
      next = part.row_end;
      before = request;
    }
    if (next != rows) fail(Category::kMismatch, where(name), "rows {} to {} are not used", next, rows);
  }

  void check_copy(const std::string& name, const std::string& of) {
    if (!checkpoint_.has(name)) return;
    if (uses_.contains(name)) fail(Category::kInternal, where(name), "is placed and also declared a copy of '{}'", of);
    if (!checkpoint_.has(of)) fail(Category::kMismatch, where(name), "should be a copy of '{}', which is missing", of);
    const io::TensorInfo& a = checkpoint_.info(name);
    const io::TensorInfo& b = checkpoint_.info(of);
    if (a.dtype != b.dtype || !(a.shape == b.shape))
      fail(Category::kMismatch, where(name), "should be a copy of '{}': {} {} expected, found {} {}", of, b.dtype,
           b.shape.str(), a.dtype, a.shape.str());
    const auto a_bytes = checkpoint_.bytes(name);
    const auto b_bytes = checkpoint_.bytes(of);
    if (!std::ranges::equal(a_bytes, b_bytes)) {
      const auto [at, other] = std::ranges::mismatch(a_bytes, b_bytes);
      fail(Category::kMismatch, where(name), "should be a copy of '{}', but byte {} differs", of, at - a_bytes.begin());
    }
    use(name, "copy of " + of);
    copied_.insert(name);
  }

  void use(const std::string& name, std::string text) {
    const auto bytes = static_cast<std::int64_t>(checkpoint_.info(name).bytes);
    placement_.uses.push_back(
        {.tensor = name, .use = std::move(text), .component = "", .expression = "", .hash = "", .source_bytes = bytes});
  }

  void account_for_the_rest() {
    std::vector<std::string> left;
    for (const std::string& name : checkpoint_.names()) {
      if (uses_.contains(name) || copied_.contains(name)) continue;
      const auto is_match = [&](const auto& rule) { return matches(rule.first, name); };
      if (const auto rule = std::ranges::find_if(declared_.ignored, is_match); rule != declared_.ignored.end())
        use(name, "ignored: " + rule->second);
      else if (std::ranges::any_of(declared_.waivers, [&](const auto& waiver) { return matches(waiver, name); }))
        use(name, "waived");
      else
        left.push_back(
            fmt::format("'{}' {} {}", name, checkpoint_.info(name).dtype, checkpoint_.info(name).shape.str()));
    }
    if (!left.empty())
      fail(Category::kMismatch, checkpoint_.folder().string(),
           "the model does not use {} of the checkpoint's {} tensors: {}. A tensor that may stay unused is waived by "
           "name",
           left.size(), checkpoint_.names().size(), fmt::join(left, ", "));
  }

  const Declarations& declared_;
  const io::Checkpoint& checkpoint_;
  Placement placement_;
  Uses uses_;
  std::set<std::string> copied_;
};

}  // namespace

Placement check_ledger(const Declarations& declared, const io::Checkpoint& checkpoint) {
  return Checker(declared, checkpoint).check();
}

}  // namespace firstlight::run
