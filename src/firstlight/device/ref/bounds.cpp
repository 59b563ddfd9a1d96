// Which bound belongs to which op, and what storing the result adds.
#include "firstlight/device/ref/bounds.h"

#include <algorithm>

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

constexpr BoundTable<BoundCall> kBounds = {.linear = bound_linear,
                                           .matmul = bound_matmul,
                                           .binary = bound_binary,
                                           .unary = bound_unary,
                                           .affine = bound_affine,
                                           .gated = bound_gated,
                                           .reduce = bound_reduce,
                                           .softmax = bound_softmax,
                                           .rms_norm = bound_rms_norm,
                                           .layer_norm = bound_layer_norm,
                                           .rope = bound_rope,
                                           .attention = bound_attention,
                                           .route = bound_route,
                                           .add_gathered = bound_add_gathered};

}  // namespace

void error_bound(op::Op op, const void* args, std::span<const View> in, const View& exact, Format stored,
                 std::span<double> bound) {
  FL_CHECK(exact.format == Format::f32 && exact.contiguous());
  FL_CHECK(static_cast<std::int64_t>(bound.size()) == exact.shape.elements());
  std::ranges::fill(bound, 0.0);
  const BoundCall call{{in, exact, bound}, args};
  const auto* values = exact.as<const float>();
  if (const auto arithmetic = kBounds.of(op)) {
    arithmetic(call);
    // The reference rounds its own result once to f32, and its double sums add less than a hundredth of all this.
    for (std::size_t i = 0; i < bound.size(); ++i) bound[i] = 1.01 * bound[i] + kUnit * std::abs(double{values[i]});
  }
  // Of a cache only the rows that the call wrote are rounded; the others keep their bits.
  const std::vector<char> written =
      op == op::Op::cache_append ? CachedRows(call, 1, exact.shape).own() : std::vector<char>();
  const std::int64_t length = row_length(exact);
  for (std::int64_t r = 0; r < row_count(exact); ++r)
    if (written.empty() || written[static_cast<std::size_t>(r)] != 0)
      add_storage(stored, values + r * length, length, bound.data() + r * length);
}

}  // namespace firstlight::device::ref
