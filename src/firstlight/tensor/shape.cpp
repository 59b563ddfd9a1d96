// Shape arithmetic.
#include "firstlight/tensor/shape.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "firstlight/base/error.h"

namespace firstlight {
namespace {

std::int64_t product(std::span<const std::int64_t> dims) {
  std::int64_t result = 1;
  for (const std::int64_t dim : dims) FL_CHECK(!__builtin_mul_overflow(result, dim, &result));
  return result;
}

}  // namespace

Shape::Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const std::int64_t> dims) : rank_(static_cast<int>(dims.size())) {
  FL_CHECK(dims.size() <= kMaxRank);
  FL_CHECK(std::ranges::all_of(dims, [](std::int64_t dim) { return dim >= 0; }));
  std::ranges::copy(dims, dims_.begin());
}

std::int64_t Shape::elements() const { return product(dims()); }

std::int64_t Shape::rows() const { return rank_ == 0 ? 1 : product(dims().first(static_cast<std::size_t>(rank_ - 1))); }

std::string Shape::str() const { return fmt::format("{}", dims()); }

bool operator==(const Shape& a, const Shape& b) { return std::ranges::equal(a.dims(), b.dims()); }

}  // namespace firstlight
