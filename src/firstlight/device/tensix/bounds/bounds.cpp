// Which bound belongs to which op, and what storing adds.
#include "firstlight/device/tensix/bounds/bounds.h"

#include <algorithm>
#include <cstring>

#include "firstlight/base/error.h"
#include "firstlight/device/tensix/ops/ops.h"
#include "firstlight/op/cache.h"
#include "firstlight/op/linear.h"

namespace firstlight::device::tensix {
namespace {

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

// Only the rows that the call wrote are packed anew; the rest of the cache keeps its bits.
std::vector<char> written_cache_rows(const BoundCall& call) {
  const std::vector<std::int32_t> sequences = call.indices(1);
  const std::vector<std::int32_t> positions = call.indices(2);
  const std::vector<std::int32_t> table = call.indices(3);
  const std::int64_t pages_per_sequence = call.call.in[3].shape[1];
  const Shape& cache = call.exact.shape;  // [pages, H, page_size, D]
  std::vector<char> written(static_cast<std::size_t>(cache.rows()));
  for (std::size_t r = 0; r < sequences.size(); ++r) {
    const std::int64_t page =
        table[static_cast<std::size_t>(sequences[r] * pages_per_sequence + positions[r] / cache[2])];
    for (std::int64_t h = 0; h < cache[1]; ++h)
      written[static_cast<std::size_t>((page * cache[1] + h) * cache[2] + positions[r] % cache[2])] = 1;
  }
  return written;
}

}  // namespace

std::vector<float> BoundCall::values(std::size_t operand) const {
  std::vector<float> result(static_cast<std::size_t>(call.in[operand].shape.elements()));
  copy_to_f32(call.in[operand], result.data());
  return result;
}

std::vector<std::int32_t> BoundCall::indices(std::size_t operand) const {
  const View& view = call.in[operand];
  std::vector<std::int32_t> result(static_cast<std::size_t>(view.shape.elements()));
  const std::int64_t length = row_length(view);
  for (std::int64_t r = 0; r < row_count(view); ++r)
    std::memcpy(result.data() + r * length, row_at(view, r), static_cast<std::size_t>(length) * sizeof(std::int32_t));
  return result;
}

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
  const BoundCall bounded{call, exact, core, bound};
  const auto* values = exact.as<const float>();
  const BoundFunction arithmetic = arithmetic_bound(op);
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
  const std::vector<char> written = op == op::Op::cache_append ? written_cache_rows(bounded) : std::vector<char>();
  const std::int64_t n = row_length(exact);
  for (std::int64_t r = 0; r < row_count(exact); ++r)
    if (written.empty() || written[static_cast<std::size_t>(r)] != 0)
      add_storage(stored, true, values + r * n, n, bound.data() + r * n);
  for (double& error : bound)
    if (!(error < kUnbounded)) error = kUnbounded;  // where the analysis gives up
}

}  // namespace firstlight::device::tensix
