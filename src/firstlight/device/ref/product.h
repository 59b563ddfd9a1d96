// The one loop nest of linear and matmul: out[b, m, n] = sum_k x[b, m, k] w[b, k, n], k ascending, in double. The
// product of two floats is exact in double, so only the sum rounds.
#pragma once

#include "firstlight/device/ref/rows.h"

namespace firstlight::device::ref {

inline constexpr std::int64_t kPanelColumns = 128;  // outputs of one task
inline constexpr std::int64_t kPanelRows = 32;
inline constexpr std::int64_t kPanelDepth = 16;  // rows of w that are widened at a time

// acc[m][n] += sum_k x[m][k] w[k][n], k ascending. x rows lie x_stride floats apart; w [depth, columns] and
// acc [rows, columns] are dense.
void multiply_add(const float* x, std::int64_t x_stride, const double* w, std::int64_t rows, std::int64_t depth,
                  std::int64_t columns, double* acc);

struct ProductShape {
  std::int64_t batches = 1;
  std::int64_t rows = 0;     // M
  std::int64_t depth = 0;    // K
  std::int64_t columns = 0;  // N
};

// Scratch of one worker.
struct ProductBuffers {
  float* x;     // [kPanelRows, K]
  double* w;    // [kPanelDepth, kPanelColumns]
  double* acc;  // [kPanelRows, kPanelColumns]
  float* part;  // [kPanelColumns]: a part of a row, before or after its format
  std::byte* encoded;

  ProductBuffers(std::span<std::byte> scratch, std::int64_t depth) {
    Carver carver(scratch);
    x = carver.take<float>(kPanelRows * depth);
    w = carver.take<double>(kPanelDepth * kPanelColumns);
    acc = carver.take<double>(kPanelRows * kPanelColumns);
    part = carver.take<float>(kPanelColumns);
    encoded = carver.take<std::byte>(kPanelColumns * kMaxElementBytes);
  }
  static std::size_t bytes(std::int64_t depth) {
    return Carver::bytes<float>(kPanelRows * depth) + Carver::bytes<double>(kPanelDepth * kPanelColumns) +
           Carver::bytes<double>(kPanelRows * kPanelColumns) + Carver::bytes<float>(kPanelColumns) +
           Carver::bytes<std::byte>(kPanelColumns * kMaxElementBytes);
  }
};

// Tasks are panels of outputs. `operands` says where the numbers come from and go:
//   read_x(b, m, dst)                               one row of x
//   read_w(b, k, depth, n, columns, buffers)        w[k.., n..] into buffers.w, dense, widened
//   write(b, m, n, columns, acc, buffers)           one row of a panel
template <typename Operands>
void product(const KernelCall& call, const ProductShape& shape, const Operands& operands) {
  const std::int64_t row_panels = ceil_div(shape.rows, kPanelRows);
  const std::int64_t column_panels = ceil_div(shape.columns, kPanelColumns);
  const std::size_t worker_bytes = ProductBuffers::bytes(shape.depth);
  const auto task = [&](std::int64_t index, const ProductBuffers& buffers) {
    const std::int64_t n = index % column_panels * kPanelColumns;
    const std::int64_t m = index / column_panels % row_panels * kPanelRows;
    const std::int64_t b = index / column_panels / row_panels;
    const std::int64_t columns = std::min(kPanelColumns, shape.columns - n);
    const std::int64_t rows = std::min(kPanelRows, shape.rows - m);
    for (std::int64_t i = 0; i < rows; ++i) operands.read_x(b, m + i, buffers.x + i * shape.depth);
    std::fill_n(buffers.acc, rows * columns, 0.0);
    for (std::int64_t k = 0; k < shape.depth; k += kPanelDepth) {
      const std::int64_t depth = std::min(kPanelDepth, shape.depth - k);
      operands.read_w(b, k, depth, n, columns, buffers);
      multiply_add(buffers.x + k, shape.depth, buffers.w, rows, depth, columns, buffers.acc);
    }
    for (std::int64_t i = 0; i < rows; ++i) operands.write(b, m + i, n, columns, buffers.acc + i * columns, buffers);
  };
  call.context.executor->parallel_for(
      shape.batches * row_panels * column_panels, 1, [&](std::int64_t begin, std::int64_t end, int worker) {
        const ProductBuffers buffers(call.context.scratch.subspan(worker_bytes * static_cast<std::size_t>(worker)),
                                     shape.depth);
        for (std::int64_t index = begin; index < end; ++index) task(index, buffers);
      });
}

}  // namespace firstlight::device::ref
