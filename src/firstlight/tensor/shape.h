// Shapes of up to six dimensions, outermost first.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace firstlight {

class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;
  // Throws kInternal on more than kMaxRank dimensions or a negative one.
  Shape(std::initializer_list<std::int64_t> dims);
  explicit Shape(std::span<const std::int64_t> dims);

  int rank() const { return rank_; }
  // Negative indices count from the end: shape[-1] is the innermost dimension.
  std::int64_t operator[](int axis) const { return dims_[axis < 0 ? axis + rank_ : axis]; }
  std::int64_t& operator[](int axis) { return dims_[axis < 0 ? axis + rank_ : axis]; }
  std::span<const std::int64_t> dims() const { return {dims_.data(), static_cast<std::size_t>(rank_)}; }
  // Product of all dimensions; 1 for a scalar (rank 0). Throws kInternal when it exceeds 63 bits.
  std::int64_t elements() const;
  // Product of all dimensions but the last; 1 for rank 0 and 1.
  std::int64_t rows() const;
  // "[2, 3]"
  std::string str() const;

  friend bool operator==(const Shape& a, const Shape& b);

 private:
  std::array<std::int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

// dims rounded up to a multiple.
constexpr std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}
constexpr std::int64_t ceil_div(std::int64_t value, std::int64_t divisor) { return (value + divisor - 1) / divisor; }

}  // namespace firstlight
