// View arithmetic and host copies.
#include "firstlight/tensor/view.h"

#include "firstlight/base/error.h"

namespace firstlight {
namespace {

std::int64_t stride_bytes(Format format, std::int64_t elements) {
  const FormatRow& info = row(format);
  return elements / info.block_elements * info.block_bytes;
}

std::int64_t padded_row(Format format, std::int64_t n) { return round_up(n, row(format).block_elements); }

// Distance between neighbours when the axes [begin, end) are counted as one. Throws kInternal where it is not constant.
std::int64_t regular_stride(const View& view, int begin, int end) {
  std::int64_t neighbour = 0;
  std::int64_t expected = 0;
  for (int axis = end - 1; axis >= begin; --axis) {
    if (view.shape[axis] == 1) continue;  // the stride of a unit axis is never walked
    const std::int64_t stride = view.strides[static_cast<std::size_t>(axis)];
    if (neighbour == 0) neighbour = expected = stride;
    FL_CHECK(stride == expected);
    expected = stride * view.shape[axis];
  }
  return neighbour == 0 ? 1 : neighbour;
}

}  // namespace

std::int64_t View::row_stride_bytes() const {
  if (shape.rank() < 2) return row_bytes(format, row_length(shape));
  return stride_bytes(format, strides[static_cast<std::size_t>(shape.rank() - 2)]);
}

bool View::contiguous() const {
  if (layout != Layout::kRowMajor) return true;
  std::int64_t expected = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    if (shape[axis] != 1 && strides[static_cast<std::size_t>(axis)] != expected) return false;
    expected = axis == shape.rank() - 1 ? padded_row(format, shape[axis]) : expected * shape[axis];
  }
  return true;
}

View make_view(void* data, Format format, const Shape& shape) {
  View view;
  view.data = static_cast<std::byte*>(data);
  view.format = format;
  view.shape = shape;
  view.padded = shape;
  std::int64_t stride = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    view.strides[static_cast<std::size_t>(axis)] = stride;
    stride = axis == shape.rank() - 1 ? padded_row(format, shape[axis]) : stride * shape[axis];
  }
  return view;
}

View make_view(const void* data, Format format, const Shape& shape) {
  return make_view(const_cast<void*>(data), format, shape);
}

View slice_last(const View& view, std::int64_t begin, std::int64_t end) {
  FL_CHECK(view.layout == Layout::kRowMajor && view.shape.rank() >= 1);
  FL_CHECK(0 <= begin && begin <= end && end <= view.shape[-1]);
  FL_CHECK(row(view.format).block_elements == 1);
  View part = view;
  part.shape[-1] = end - begin;
  part.padded = part.shape;
  part.data += stride_bytes(view.format, begin);
  return part;
}

View slice_first(const View& view, std::int64_t begin, std::int64_t end) {
  FL_CHECK(view.layout == Layout::kRowMajor && view.shape.rank() >= 1);
  FL_CHECK(0 <= begin && begin <= end && end <= view.shape[0]);
  FL_CHECK(view.shape.rank() > 1 || row(view.format).block_elements == 1);
  View part = view;
  part.shape[0] = end - begin;
  part.padded = part.shape;
  part.data += stride_bytes(view.format, begin * view.strides[0]);
  return part;
}

View reshape(const View& view, const Shape& shape) {
  FL_CHECK(view.layout == Layout::kRowMajor);
  FL_CHECK(shape.elements() == view.shape.elements());
  View result = make_view(view.data, view.format, shape);
  if (view.contiguous() || shape.elements() == 0) {
    // A block format keeps its rows whole.
    FL_CHECK(row(view.format).block_elements == 1 || row_length(shape) == row_length(view.shape));
    return result;
  }
  FL_CHECK(row(view.format).block_elements == 1);
  // Match axes from the outside: each old axis is a product of new axes, or the other way round with regular strides.
  int old_axis = 0;
  int new_axis = 0;
  const int old_rank = view.shape.rank();
  const int new_rank = shape.rank();
  while (old_axis < old_rank || new_axis < new_rank) {
    int old_end = old_axis;
    int new_end = new_axis;
    std::int64_t old_size = old_end < old_rank ? view.shape[old_end++] : 1;
    std::int64_t new_size = new_end < new_rank ? shape[new_end++] : 1;
    while (old_size != new_size) {
      if (old_size < new_size) {
        FL_CHECK(old_end < old_rank);
        old_size *= view.shape[old_end++];
      } else {
        FL_CHECK(new_end < new_rank);
        new_size *= shape[new_end++];
      }
    }
    std::int64_t stride = regular_stride(view, old_axis, old_end);
    for (int axis = new_end - 1; axis >= new_axis; --axis) {
      result.strides[static_cast<std::size_t>(axis)] = stride;
      stride *= shape[axis];
    }
    old_axis = old_end;
    new_axis = new_end;
  }
  if (new_rank > 0) {  // the promise of View: neighbours of the last axis are neighbours in memory
    std::int64_t& last = result.strides[static_cast<std::size_t>(new_rank - 1)];
    FL_CHECK(last == 1 || shape[-1] == 1);
    last = 1;
  }
  return result;
}

namespace {

// Calls visit(row pointer, index of the row) over all rows of the last axis.
template <typename Visit>
void each_row(const View& view, const Visit& visit) {
  FL_CHECK(view.layout == Layout::kRowMajor);
  const std::int64_t rows = view.shape.elements() == 0 ? 0 : view.shape.rows();
  for (std::int64_t index = 0; index < rows; ++index) {
    std::int64_t rest = index;
    std::int64_t offset = 0;
    for (int axis = view.shape.rank() - 2; axis >= 0; --axis) {
      offset += rest % view.shape[axis] * view.strides[static_cast<std::size_t>(axis)];
      rest /= view.shape[axis];
    }
    visit(view.data + stride_bytes(view.format, offset), index);
  }
}

}  // namespace

std::byte* row_at(const View& view, std::initializer_list<std::int64_t> outer) {
  std::int64_t offset = 0;
  std::size_t axis = 0;
  for (const std::int64_t index : outer) offset += index * view.strides[axis++];
  return view.data + stride_bytes(view.format, offset);
}

std::byte* row_at(const View& view, std::int64_t index) {
  std::int64_t offset = 0;
  for (int axis = view.shape.rank() - 2; axis >= 0; --axis) {
    offset += index % view.shape[axis] * view.strides[static_cast<std::size_t>(axis)];
    index /= view.shape[axis];
  }
  return view.data + stride_bytes(view.format, offset);
}

void copy_to_f32(const View& view, float* dst) {
  const std::int64_t n = row_length(view.shape);
  const FormatRow& info = row(view.format);
  each_row(view, [&](const std::byte* src, std::int64_t index) { info.decode(src, n, dst + index * n); });
}

void copy_from_f32(const float* src, const View& view) {
  const std::int64_t n = row_length(view.shape);
  const FormatRow& info = row(view.format);
  each_row(view, [&](std::byte* dst, std::int64_t index) { info.encode(src + index * n, n, dst); });
}

}  // namespace firstlight
