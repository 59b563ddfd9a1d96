// Which bound belongs to which op, and what storing the result adds.
#include "firstlight/device/ref/bounds.h"

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/device/ref/bounds/parts.h"
#include "firstlight/device/ref/rows.h"

namespace firstlight::device::ref {
namespace {

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
  add_storage_error(stored, exact, written, bound);
}

}  // namespace firstlight::device::ref
