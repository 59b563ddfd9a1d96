// Which bound belongs to which op, and what storing the result adds.
#include "firstlight/device/ref/bounds.h"

#include <algorithm>
#include <cstring>

#include "firstlight/base/error.h"
#include "firstlight/device/ref/bounds/parts.h"
#include "firstlight/device/ref/rows.h"

namespace firstlight::device::ref {
namespace {

// The largest storage error over what the element and its block's maximum may be.
double storage_error(const FormatRow& format, double x, double x_error, double largest, double largest_error) {
  double worst = 0;
  for (const double element : {std::max(0.0, x - x_error), x + x_error})
    for (const double block_max : {std::max(0.0, largest - largest_error), largest + largest_error})
      worst = std::max(worst, format.error_bound(std::min(element, block_max), block_max));
  return worst;
}

// Adds the rounding of rows to the stored format.
void add_storage(Format stored, const float* exact, std::int64_t length, double* bound) {
  const FormatRow& format = row(stored);
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

using BoundFunction = void (*)(const BoundCall&);

// Null where values only move.
BoundFunction arithmetic_bound(op::Op op) {
  switch (op) {
    case op::Op::linear:
      return bound_linear;
    case op::Op::matmul:
      return bound_matmul;
    case op::Op::binary:
      return bound_binary;
    case op::Op::unary:
      return bound_unary;
    case op::Op::affine:
      return bound_affine;
    case op::Op::gated:
      return bound_gated;
    case op::Op::reduce:
      return bound_reduce;
    case op::Op::softmax:
      return bound_softmax;
    case op::Op::rms_norm:
      return bound_rms_norm;
    case op::Op::layer_norm:
      return bound_layer_norm;
    case op::Op::rope:
      return bound_rope;
    case op::Op::attention:
      return bound_attention;
    case op::Op::route:
      return bound_route;
    case op::Op::add_gathered:
      return bound_add_gathered;
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

// Only the rows that the call wrote are rounded; the rest of the cache keeps its bits.
std::vector<char> written_cache_rows(const BoundCall& call) {
  const std::vector<std::int32_t> sequences = call.indices(1);
  const std::vector<std::int32_t> positions = call.indices(2);
  const std::vector<std::int32_t> table = call.indices(3);
  const std::int64_t pages_per_sequence = call.in[3].shape[1];
  const Shape& cache = call.exact.shape;  // [pages, H, page_size, D]
  std::vector<char> written(static_cast<std::size_t>(cache.rows()));
  for (std::size_t r = 0; r < sequences.size(); ++r) {
    const std::int64_t slot = sequences[r] * pages_per_sequence + positions[r] / cache[2];
    for (std::int64_t h = 0; h < cache[1]; ++h) {
      const std::int64_t page = table[static_cast<std::size_t>(slot)];
      written[static_cast<std::size_t>((page * cache[1] + h) * cache[2] + positions[r] % cache[2])] = 1;
    }
  }
  return written;
}

}  // namespace

std::vector<float> BoundCall::values(std::size_t operand) const {
  std::vector<float> result(static_cast<std::size_t>(in[operand].shape.elements()));
  copy_to_f32(in[operand], result.data());
  return result;
}

std::vector<std::int32_t> BoundCall::indices(std::size_t operand) const {
  const View& view = in[operand];
  std::vector<std::int32_t> result(static_cast<std::size_t>(view.shape.elements()));
  const std::int64_t length = row_length(view);
  for (std::int64_t r = 0; r < row_count(view); ++r)
    std::memcpy(result.data() + r * length, row_at(view, r), static_cast<std::size_t>(length) * sizeof(std::int32_t));
  return result;
}

void error_bound(op::Op op, const void* args, std::span<const View> in, const View& exact, Format stored,
                 std::span<double> bound) {
  FL_CHECK(exact.format == Format::f32 && exact.contiguous());
  FL_CHECK(static_cast<std::int64_t>(bound.size()) == exact.shape.elements());
  std::ranges::fill(bound, 0.0);
  const BoundCall call{args, in, exact, bound};
  const auto* values = exact.as<const float>();
  if (const BoundFunction arithmetic = arithmetic_bound(op)) {
    arithmetic(call);
    // The reference rounds its own result once to f32, and its double sums add less than a hundredth of all this.
    for (std::size_t i = 0; i < bound.size(); ++i) bound[i] = 1.01 * bound[i] + kUnit * std::abs(double{values[i]});
  }
  const std::vector<char> written = op == op::Op::cache_append ? written_cache_rows(call) : std::vector<char>();
  const std::int64_t length = row_length(exact);
  for (std::int64_t r = 0; r < row_count(exact); ++r)
    if (written.empty() || written[static_cast<std::size_t>(r)] != 0)
      add_storage(stored, values + r * length, length, bound.data() + r * length);
}

}  // namespace firstlight::device::ref
