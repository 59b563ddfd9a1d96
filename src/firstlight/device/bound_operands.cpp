// Reading operands in logical order.
#include "firstlight/device/bound_operands.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace firstlight::device {
namespace {

// The largest storage error over what the element and its block's maximum may be.
double storage_error(const FormatRow& format, double x, double x_error, double largest, double largest_error) {
  double worst = 0;
  for (const double element : {std::max(0.0, x - x_error), x + x_error})
    for (const double block_max : {std::max(0.0, largest - largest_error), largest + largest_error})
      worst = std::max(worst, format.error_bound(std::min(element, block_max), block_max));
  return worst;
}

void add_row_error(const FormatRow& format, const float* exact, std::int64_t length, double* bound) {
  for (std::int64_t begin = 0; begin < length; begin += format.block_elements) {
    const std::int64_t end = std::min<std::int64_t>(length, begin + format.block_elements);
    double largest = 0;
    double largest_error = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      largest = std::max(largest, std::abs(double{exact[i]}));
      largest_error = std::max(largest_error, bound[i]);
    }
    for (std::int64_t i = begin; i < end; ++i)
      bound[i] += storage_error(format, std::abs(double{exact[i]}), bound[i], largest, largest_error);
  }
}

}  // namespace

std::vector<float> BoundOperands::values(std::size_t operand) const {
  std::vector<float> result(static_cast<std::size_t>(in[operand].shape.elements()));
  copy_to_f32(in[operand], result.data());
  return result;
}

std::vector<std::int32_t> BoundOperands::indices(std::size_t operand) const {
  const View& view = in[operand];
  std::vector<std::int32_t> result(static_cast<std::size_t>(view.shape.elements()));
  const std::int64_t length = row_length(view);
  for (std::int64_t r = 0; r < row_count(view); ++r)
    std::memcpy(result.data() + r * length, row_at(view, r), static_cast<std::size_t>(length) * sizeof(std::int32_t));
  return result;
}

std::size_t BoundOperands::second_index(std::size_t i) const {
  const Shape& out = exact.shape;
  const Shape& b = in[1].shape;
  auto rest = static_cast<std::int64_t>(i);
  std::int64_t index = 0;
  std::int64_t stride = 1;
  for (int axis = 1; axis <= b.rank(); ++axis) {
    if (b[-axis] != 1) index += rest % out[-axis] * stride;
    rest /= out[-axis];
    stride *= b[-axis];
  }
  return static_cast<std::size_t>(index);
}

CachedRows::CachedRows(const BoundOperands& call, std::size_t first, const Shape& cache)
    : cache_(cache),
      pages_per_sequence_(call.in[first + 2].shape[1]),
      sequences_(call.indices(first)),
      positions_(call.indices(first + 1)),
      table_(call.indices(first + 2)) {}

std::int64_t CachedRows::index(std::size_t r, std::int64_t head, std::int64_t t) const {
  const std::int64_t page = table_[static_cast<std::size_t>(sequences_[r] * pages_per_sequence_ + t / cache_[2])];
  return (page * cache_[1] + head) * cache_[2] + t % cache_[2];
}

std::vector<char> CachedRows::own() const {
  std::vector<char> own(static_cast<std::size_t>(cache_.rows()));
  for (std::size_t r = 0; r < sequences_.size(); ++r)
    for (std::int64_t head = 0; head < cache_[1]; ++head)
      own[static_cast<std::size_t>(index(r, head, positions_[r]))] = 1;
  return own;
}

void add_storage_error(Format stored, const View& exact, std::span<double> bound) {
  add_storage_error(stored, exact, {}, bound);
}

void add_storage_error(Format stored, const View& exact, std::span<const char> written, std::span<double> bound) {
  const auto* values = exact.as<const float>();
  const std::int64_t length = row_length(exact);
  for (std::int64_t r = 0; r < row_count(exact); ++r)
    if (written.empty() || written[static_cast<std::size_t>(r)] != 0)
      add_row_error(row(stored), values + r * length, length, bound.data() + r * length);
}

}  // namespace firstlight::device
