// A View says where a tensor's bytes lie and how to read them; it owns nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "firstlight/format/format.h"
#include "firstlight/tensor/shape.h"

namespace firstlight {

// How elements are ordered in memory.
enum class Layout : std::uint8_t {
  kRowMajor,  // `strides` say it; block formats are blocked along the last dimension (format.h, "row layout")
  kTiled,     // 32x32 tiles of four faces over the last two dimensions (format/tile.h)
  kPacked,    // a device's own order of a weight; only that device reads it
};

// A non-owning description of a tensor in the memory of one device. Kernels receive their operands as Views.
struct View {
  std::byte* data = nullptr;  // first element; device memory where the device is not the host
  Format format = Format::f32;
  Layout layout = Layout::kRowMajor;
  Shape shape;   // logical
  Shape padded;  // physical: equal to `shape` unless the device pads (tiles); its producer owns the padding
  // Distance in elements between neighbours of each axis (kRowMajor only). The last axis has stride 1; for block
  // formats an outer stride counts whole rows in elements of the row's padded length.
  std::array<std::int64_t, Shape::kMaxRank> strides{};

  // Bytes from one row of the last axis to the next (kRowMajor): the stride of axis -2, or the row itself.
  std::int64_t row_stride_bytes() const;
  bool contiguous() const;
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(data);
  }
};

// A contiguous row-major view.
View make_view(void* data, Format format, const Shape& shape);
View make_view(const void* data, Format format, const Shape& shape);

// The columns [begin, end) of the last axis (kRowMajor). Throws kInternal on a block format: the
// exponents of a row stand together before its codes, so a part of a row is not a view.
View slice_last(const View& view, std::int64_t begin, std::int64_t end);
// The indices [begin, end) of the first axis (kRowMajor).
View slice_first(const View& view, std::int64_t begin, std::int64_t end);
// The same elements under another shape (kRowMajor). The rows of the last axis must be kept whole or split evenly:
// [R, H*D] may become [R, H, D] even when R is strided. Throws kInternal when the shapes cannot describe one memory.
View reshape(const View& view, const Shape& shape);

// Elements of a row of the last axis (1 of a scalar), and how many rows there are.
inline std::int64_t row_length(const Shape& shape) { return shape.rank() == 0 ? 1 : shape[-1]; }
inline std::int64_t row_length(const View& view) { return row_length(view.shape); }
inline std::int64_t row_count(const View& view) { return view.shape.elements() == 0 ? 0 : view.shape.rows(); }
// The row at these indices of the outer axes, and the index-th row in logical order (kRowMajor).
std::byte* row_at(const View& view, std::initializer_list<std::int64_t> outer);
std::byte* row_at(const View& view, std::int64_t index);

// One host copy, decoded: `dst` gets shape.elements() floats in logical row-major order.
void copy_to_f32(const View& view, float* dst);
// The reverse: encodes into `view` by its format's host rule.
void copy_from_f32(const float* src, const View& view);

}  // namespace firstlight
