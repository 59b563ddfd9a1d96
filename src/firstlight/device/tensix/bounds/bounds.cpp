// Which bound belongs to which op, and what storing adds.
#include "firstlight/device/tensix/bounds/bounds.h"

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/device/tensix/ops/ops.h"
#include "firstlight/op/cache.h"
#include "firstlight/op/linear.h"

namespace firstlight::device::tensix {
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

// bf16: half away from a 32-bit Dst. Blocks: cut to bf16 and rounded to 6 mantissa bits, 2^-7 of the value each; then
// 6 fraction bits of the largest exponent to nearest, of which bfp4 keeps 2 and bfp2 none, by truncation.
void add_storage(Format stored, bool wide, const float* exact, std::int64_t n, double* bound) {
  const int bits = block_bits(stored);
  if (bits == 0) {
    if (stored != Format::f32 && wide)
      for (std::int64_t i = 0; i < n; ++i) bound[i] += kToBf16 * (std::abs(double{exact[i]}) + bound[i]) + kFlushed;
    return;
  }
  constexpr double kEarly = 0x1p-6;
  const double kept = 0x1p-7 + (bits == 8 ? 0 : std::ldexp(1.0, bits == 4 ? -2 : 0));
  constexpr std::int64_t kBlock = 16;
  for (std::int64_t begin = 0; begin < n; begin += kBlock) {
    const std::int64_t end = std::min(n, begin + kBlock);
    double largest = 0;
    for (std::int64_t i = begin; i < end; ++i)
      largest = std::max(largest, (std::abs(double{exact[i]}) + bound[i]) * (1 + kEarly));
    for (std::int64_t i = begin; i < end; ++i)
      bound[i] += kEarly * (std::abs(double{exact[i]}) + bound[i]) + kept * largest + kFlushed;
  }
}

void error_bound(op::Op op, const KernelCall& call, const View& exact, bool defects, std::span<double> bound) {
  FL_CHECK(exact.format == Format::f32 && exact.contiguous());
  FL_CHECK(static_cast<std::int64_t>(bound.size()) == exact.shape.elements());
  std::ranges::fill(bound, 0.0);
  Core core = core_of(call);
  core.rules.lost_ulp = core.rules.lost_ulp && defects;
  const BoundCall bounded{{call.in, exact, bound}, call, core};
  const auto* values = exact.as<const float>();
  const auto arithmetic = kBounds.of(op);
  if (arithmetic != nullptr) {
    arithmetic(bounded);
    // The reference rounds its own result once to fp32.
    for (std::size_t i = 0; i < bound.size(); ++i) bound[i] += 0x1p-22 * (std::abs(double{values[i]}) + bound[i]);
  }
  const Format stored = call.out[0].format;
  // Bytes of one format are copied where they only move; a change of format goes through Dst.
  const bool tied = op == op::Op::embedding && static_cast<const op::Embedding*>(call.args)->tied;
  const bool moves = arithmetic == nullptr && op != op::Op::concat && !tied && call.in[0].format == stored;
  if (moves) return;
  // Of a cache only the rows that the call wrote are packed anew; the others keep their bits.
  const std::vector<char> written =
      op == op::Op::cache_append ? CachedRows(bounded, 1, exact.shape).own() : std::vector<char>();
  const std::int64_t n = row_length(exact);
  for (std::int64_t r = 0; r < row_count(exact); ++r)
    if (written.empty() || written[static_cast<std::size_t>(r)] != 0)
      add_storage(stored, true, values + r * n, n, bound.data() + r * n);
  for (double& error : bound)
    if (!(error < kUnbounded)) error = kUnbounded;  // where the analysis gives up
}

}  // namespace firstlight::device::tensix
