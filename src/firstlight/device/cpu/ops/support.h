// Shared by the ops: rows of a View under any strides, elements, scratch, and the split of rows over workers.
#pragma once

#include <algorithm>
#include <span>

#include "firstlight/device/contract.h"
#include "firstlight/device/cpu/kernels.h"

namespace firstlight::device::cpu {

// Bytes between neighbours of an outer axis.
inline std::int64_t axis_bytes(const View& view, int axis) {
  const FormatRow& format = row(view.format);
  return view.strides[static_cast<std::size_t>(axis)] / format.block_elements * format.block_bytes;
}

// Whether a tensor is stored as one of the elements that kernels compute on.
inline bool is_activation(const View& view) {
  return view.layout == Layout::kRowMajor && (view.format == Format::f32 || view.format == Format::bf16);
}
inline Element element_of(const View& view) { return view.format == Format::f32 ? Element::kF32 : Element::kBf16; }
inline std::int64_t element_bytes(const View& view) { return row(view.format).block_bytes; }

// The rows of the last axis in logical order.
class Rows {
 public:
  explicit Rows(const View& view);
  // Whether all rows are equally far apart, so that row r lies at r * stride_bytes().
  bool uniform() const { return uniform_; }
  std::int64_t stride_bytes() const { return stride_; }
  std::byte* at(std::int64_t r) const { return uniform_ ? view_.data + r * stride_ : row_at(view_, r); }
  Source source(std::int64_t r) const { return {at(r), element_of(view_)}; }
  Sink sink(std::int64_t r) const { return {at(r), element_of(view_)}; }

 private:
  const View& view_;
  std::int64_t stride_ = 0;
  bool uniform_ = true;
};

// The part of a row from element i on.
inline Source from(const Source& x, std::int64_t i) {
  return {static_cast<const std::byte*>(x.data) + i * (x.element == Element::kF32 ? 4 : 2), x.element};
}
inline Sink from(const Sink& x, std::int64_t i) {
  return {static_cast<std::byte*>(x.data) + i * (x.element == Element::kF32 ? 4 : 2), x.element};
}
inline Sink f32_sink(float* data) { return {data, Element::kF32}; }
inline Source f32_source(const float* data) { return {data, Element::kF32}; }

// Floats of a row buffer, whole cache lines.
constexpr std::int64_t buffer_floats(std::int64_t n) { return round_up(n, 16) + 16; }

// Bytes between the scratch of two workers: prefetchers that follow the strides of one ask for lines well beyond its
// own (more than 16 KB on Zen 4), and the other would have to take them back.
inline constexpr std::int64_t kWorkerGap = 64 << 10;
// From the `floats` of one worker to those of the next.
constexpr std::int64_t worker_stride(std::int64_t floats) { return round_up(floats, 16) + kWorkerGap / 4; }

// body(r, worker) for rows [0, rows) of `length` elements each, in parallel where that is worth waking a thread.
template <typename Body>
void for_rows(const KernelCall& call, std::int64_t rows, std::int64_t length, const Body& body) {
  constexpr std::int64_t kElements = 8192;
  const std::int64_t grain = std::max<std::int64_t>(1, kElements / std::max<std::int64_t>(1, length));
  call.context.executor->parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end, int worker) {
    for (std::int64_t r = begin; r < end; ++r) body(r, worker);
  });
}

// ---- Linear products -------------------------------------------------------------------------------------------

inline constexpr std::int64_t kSlabRows = 2 * kRowBlock;  // rows whose inputs are in scratch at a time

// Panels that a worker takes at a time, each worth `work` multiply-adds.
inline std::int64_t range_panels(std::int64_t work) {
  constexpr std::int64_t kLeastWork = 1 << 16;  // multiply-adds that are worth a worker's while
  return ceil_div(kLeastWork, std::max<std::int64_t>(work, 1));
}

}  // namespace firstlight::device::cpu
