// Reading operands in logical order.
#include "firstlight/device/bound_operands.h"

#include <cstring>

namespace firstlight::device {

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

}  // namespace firstlight::device
