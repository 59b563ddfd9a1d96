// What an error bound is computed from, and how its operands are read: shared by the devices that have bounds of their
// own (Device::error_bound).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "firstlight/device/contract.h"

namespace firstlight::device {

// The operands of a call on the host, its exact result, and a number for each element of that to fill.
struct BoundOperands {
  std::span<const View> in;
  const View& exact;
  std::span<double> bound;

  // An operand's values and an index operand's, in logical order.
  std::vector<float> values(std::size_t operand) const;
  std::vector<std::int32_t> indices(std::size_t operand) const;
  // The element of the second operand that meets element i of the result under broadcasting.
  std::size_t second_index(std::size_t i) const;
};

// Rows of a cache [pages, H, page_size, D], found by the operands first (sequences), first + 1 (positions) and
// first + 2 (page table).
class CachedRows {
 public:
  CachedRows(const BoundOperands& call, std::size_t first, const Shape& cache);

  std::int64_t position(std::size_t r) const { return positions_[r]; }
  // Index, over the first three axes, of position t in the sequence of row r.
  std::int64_t index(std::size_t r, std::int64_t head, std::int64_t t) const;
  // For every row of the cache, whether it is that of a position of this call: what cache_append writes.
  std::vector<char> own() const;

 private:
  Shape cache_;
  std::int64_t pages_per_sequence_;
  std::vector<std::int32_t> sequences_;
  std::vector<std::int32_t> positions_;
  std::vector<std::int32_t> table_;
};

// Adds what the host's rounding of exact's rows to `stored` may add to the errors in `bound`.
void add_storage_error(Format stored, const View& exact, std::span<double> bound);
// The same for the rows of which `written` is not 0.
void add_storage_error(Format stored, const View& exact, std::span<const char> written, std::span<double> bound);

// A device's bounds of the arithmetic, by op.
template <typename Call>
struct BoundTable {
  using Function = void (*)(const Call&);
  Function linear, matmul, binary, unary, affine, gated, reduce, softmax;
  Function rms_norm, layer_norm, rope, attention, route, add_gathered;

  // Null where values only move.
  Function of(op::Op op) const {
    switch (op) {
      case op::Op::linear:
        return linear;
      case op::Op::matmul:
        return matmul;
      case op::Op::binary:
        return binary;
      case op::Op::unary:
        return unary;
      case op::Op::affine:
        return affine;
      case op::Op::gated:
        return gated;
      case op::Op::reduce:
        return reduce;
      case op::Op::softmax:
        return softmax;
      case op::Op::rms_norm:
        return rms_norm;
      case op::Op::layer_norm:
        return layer_norm;
      case op::Op::rope:
        return rope;
      case op::Op::attention:
        return attention;
      case op::Op::route:
        return route;
      case op::Op::add_gathered:
        return add_gathered;
      case op::Op::embedding:
      case op::Op::copy:
      case op::Op::concat:
      case op::Op::gather_rows:
      case op::Op::cache_append:
      case op::Op::cache_gather:
        return nullptr;
    }
    return nullptr;
  }
};

}  // namespace firstlight::device
