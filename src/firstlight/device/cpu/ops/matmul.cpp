// The batched product of two activations, by blocks that are copied to floats: the part of a fallback, not a hot path.
// The chain of an output is that of the linear product.
#include "firstlight/device/cpu/ops/ops.h"
#include "firstlight/device/cpu/ops/support.h"
#include "firstlight/op/linear.h"

namespace firstlight::device::cpu {
namespace {

constexpr std::int64_t kBlockRows = 48;
constexpr std::int64_t kColumns = 64;
constexpr std::int64_t kDepth = 256;
constexpr std::int64_t kMatmulStride =
    worker_stride(kBlockRows * kDepth + kDepth * kColumns + kBlockRows * kColumns + kDepth);

Source element_at(const View& view, std::int64_t batch, std::int64_t r, std::int64_t column) {
  return from(Source{view.data + batch * axis_bytes(view, 0) + r * axis_bytes(view, 1), element_of(view)}, column);
}

}  // namespace

std::size_t matmul_scratch(const KernelCall&, int threads) {
  return static_cast<std::size_t>(kMatmulStride * threads) * sizeof(float);
}

void matmul(const KernelCall& call, const Kernels& kernels) {
  const View& a = call.in[0];
  const View& b = call.in[1];
  const View& out = call.out[0];
  if (out.shape.elements() == 0) return;
  const bool transposed = call.as<op::Matmul>().transpose_b;
  const std::int64_t depth = a.shape[2];
  const std::int64_t share = a.shape[0] / b.shape[0];
  const std::int64_t row_blocks = ceil_div(out.shape[1], kBlockRows);
  const std::int64_t column_blocks = ceil_div(out.shape[2], kColumns);
  auto* scratch = reinterpret_cast<float*>(call.context.scratch.data());

  const auto block = [&](std::int64_t index, float* a_part) {
    float* b_part = a_part + kBlockRows * kDepth;    // [kDepth, kColumns]
    float* result = b_part + kDepth * kColumns;      // [kBlockRows, kColumns]
    float* column = result + kBlockRows * kColumns;  // [kDepth]
    const std::int64_t batch = index / (row_blocks * column_blocks);
    const std::int64_t row = index / column_blocks % row_blocks * kBlockRows;
    const std::int64_t first = index % column_blocks * kColumns;
    const std::int64_t rows = std::min(kBlockRows, out.shape[1] - row);
    const std::int64_t columns = std::min(kColumns, out.shape[2] - first);
    std::fill_n(result, rows * kColumns, 0.0F);
    std::fill_n(b_part, kDepth * kColumns, 0.0F);
    for (std::int64_t k = 0; k < depth; k += kDepth) {
      const std::int64_t count = std::min(kDepth, depth - k);
      for (std::int64_t r = 0; r < rows; ++r)
        kernels.rows.convert(element_at(a, batch, row + r, k), f32_sink(a_part + r * kDepth), count);
      if (transposed) {
        for (std::int64_t n = 0; n < columns; ++n) {
          kernels.rows.convert(element_at(b, batch / share, first + n, k), f32_sink(column), count);
          for (std::int64_t i = 0; i < count; ++i) b_part[i * kColumns + n] = column[i];
        }
      } else {
        for (std::int64_t i = 0; i < count; ++i)
          kernels.rows.convert(element_at(b, batch / share, k + i, first), f32_sink(b_part + i * kColumns), columns);
      }
      kernels.attention.multiply(
          {a_part, kDepth, rows, b_part, kColumns, count, padded_lanes(columns), result, kColumns});
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      const Source target = element_at(out, batch, row + r, first);
      kernels.rows.convert(f32_source(result + r * kColumns), {const_cast<void*>(target.data), target.element},
                           columns);
    }
  };
  call.context.executor->parallel_for(out.shape[0] * row_blocks * column_blocks, 1,
                                      [&](std::int64_t begin, std::int64_t end, int worker) {
                                        for (std::int64_t i = begin; i < end; ++i)
                                          block(i, scratch + worker * kMatmulStride);
                                      });
}

}  // namespace firstlight::device::cpu
