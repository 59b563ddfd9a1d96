// Rows of the last axis: where they lie under any strides, decoding and encoding them, and scratch for them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>

#include "firstlight/device/contract.h"

namespace firstlight::device::ref {

inline std::int64_t row_length(const View& view) { return view.shape.rank() == 0 ? 1 : view.shape[-1]; }
inline std::int64_t row_count(const View& view) { return view.shape.elements() == 0 ? 0 : view.shape.rows(); }

// The row at these indices of the outer axes.
std::byte* row_at(const View& view, std::initializer_list<std::int64_t> outer);
// The index-th row in logical order.
std::byte* row_at(const View& view, std::int64_t index);

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

// Hands out aligned arrays of a byte range.
class Carver {
 public:
  explicit Carver(std::span<std::byte> bytes) : next_(bytes.data()) {}
  template <typename T>
  T* take(std::int64_t count) {
    auto* result = reinterpret_cast<T*>(next_);
    next_ += round_up(count * static_cast<std::int64_t>(sizeof(T)), 64);
    return result;
  }
  // Bytes that take<T>(count) uses.
  template <typename T>
  static std::size_t bytes(std::int64_t count) {
    return static_cast<std::size_t>(round_up(count * static_cast<std::int64_t>(sizeof(T)), 64));
  }

 private:
  std::byte* next_;
};

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
