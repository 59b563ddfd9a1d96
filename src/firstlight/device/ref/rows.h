// Rows of the last axis: where they lie under any strides, decoding and encoding them, and scratch for them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "firstlight/device/carver.h"
#include "firstlight/device/contract.h"

namespace firstlight::device::ref {

inline void read_row(const View& view, std::int64_t index, float* dst) {
  row(view.format).decode(row_at(view, index), row_length(view), dst);
}
inline void write_row(const View& view, std::int64_t index, const float* src) {
  row(view.format).encode(src, row_length(view), row_at(view, index));
}

// Elements [begin, begin + count) of a stored row of n elements. `begin` is a multiple of the format's block, and so is
// `count` unless the part ends the row. `buffer` holds row_bytes(format, count) bytes; only block formats, whose
// exponents stand apart from their codes, use it.
void read_part(Format format, const std::byte* stored, std::int64_t n, std::int64_t begin, std::int64_t count,
               float* dst, std::byte* buffer);
void write_part(Format format, std::byte* stored, std::int64_t n, std::int64_t begin, std::int64_t count,
                const float* src, std::byte* buffer);

// A multiple of every format's block, for cutting rows.
inline constexpr std::int64_t kPartMultiple = 16;
// An upper bound of any format's bytes per element of a part.
inline constexpr std::int64_t kMaxElementBytes = 8;

// One float row for every operand of a call: the scratch of kernels that go row by row.
struct RowBuffers {
  std::array<float*, 4> in{};
  float* out = nullptr;
};
std::size_t row_scratch(const KernelCall& call, int threads);
RowBuffers row_buffers(const KernelCall& call, int worker);

// body(r, buffers) for every r in [0, rows), in parallel.
template <typename Body>
void for_rows(const KernelCall& call, std::int64_t rows, const Body& body) {
  const std::int64_t length = std::max<std::int64_t>(1, row_length(call.in[0]));
  call.context.executor->parallel_for(rows, 1 + 4096 / length, [&](std::int64_t begin, std::int64_t end, int worker) {
    const RowBuffers buffers = row_buffers(call, worker);
    for (std::int64_t r = begin; r < end; ++r) body(r, buffers);
  });
}

}  // namespace firstlight::device::ref
