// Memory of tensors, and their way to and from the host.
#include <cstring>

#include "firstlight/base/error.h"
#include "firstlight/format/tile.h"
#include "firstlight/run/session_impl.h"

namespace firstlight::run {
namespace {

std::int64_t stride_bytes(Format format, std::int64_t elements) {
  return elements / row(format).block_elements * row(format).block_bytes;
}

// Calls visit(byte offset of the row from view.data, its index) for every row of the last axis (kRowMajor).
template <typename Visit>
void each_row(const View& view, const Visit& visit) {
  const std::int64_t rows = view.shape.elements() == 0 ? 0 : view.shape.rows();
  for (std::int64_t index = 0; index < rows; ++index) {
    std::int64_t rest = index;
    std::int64_t offset = 0;
    for (int axis = view.shape.rank() - 2; axis >= 0; --axis) {
      offset += rest % view.shape[axis] * view.strides[static_cast<std::size_t>(axis)];
      rest /= view.shape[axis];
    }
    visit(stride_bytes(view.format, offset), index);
  }
}

// A tiled view as `count` matrices of [rows, columns] in tiles, one after the other.
struct Tiles {
  std::int64_t count;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t bytes;  // of one

  explicit Tiles(const View& view) {
    columns = row_length(view.padded);
    rows = view.padded.rank() < 2 ? 1 : view.padded[-2];
    count = rows * columns == 0 ? 0 : view.padded.elements() / (rows * columns);
    bytes = tiled_bytes(view.format, rows, columns);
  }
};

// From view.data to the end of the last element, in bytes.
std::size_t extent_bytes(const View& view) {
  if (view.shape.elements() == 0) return 0;
  if (view.layout == Layout::kTiled) {
    const Tiles tiles(view);
    return static_cast<std::size_t>(tiles.count * tiles.bytes);
  }
  std::int64_t last = 0;
  for (int axis = 0; axis + 1 < view.shape.rank(); ++axis)
    last += (view.shape[axis] - 1) * view.strides[static_cast<std::size_t>(axis)];
  return static_cast<std::size_t>(stride_bytes(view.format, last) + row_bytes(view.format, row_length(view.shape)));
}

void check_readable(const View& view) {
  if (view.layout == Layout::kPacked) fail(Category::kInternal, "session", "a packed weight is its device's to read");
  if (view.layout == Layout::kTiled && !row(view.format).is_float)
    fail(Category::kUnsupported, "session", "tiles of {}", format_name(view.format));
}

// Index of the first element of row `r` of the logical tensor within the padded one.
std::int64_t padded_offset(const View& view, std::int64_t r) {
  std::int64_t offset = 0;
  std::int64_t stride = row_length(view.padded);
  for (int axis = view.shape.rank() - 2; axis >= 0; --axis) {
    offset += r % view.shape[axis] * stride;
    r /= view.shape[axis];
    stride *= view.padded[axis];
  }
  return offset;
}

void decode_tiled(const View& view, float* dst) {
  const Tiles tiles(view);
  std::vector<float> padded(static_cast<std::size_t>(view.padded.elements()));
  for (std::int64_t i = 0; i < tiles.count; ++i)
    decode_tiles(view.format, view.data + i * tiles.bytes, tiles.rows, tiles.columns, tiles.columns,
                 padded.data() + i * tiles.rows * tiles.columns);
  const std::int64_t n = row_length(view.shape);
  const std::int64_t rows = view.shape.elements() == 0 ? 0 : view.shape.rows();
  for (std::int64_t r = 0; r < rows; ++r) std::copy_n(padded.data() + padded_offset(view, r), n, dst + r * n);
}

void encode_tiled(const float* src, const View& view) {
  const Tiles tiles(view);
  std::vector<float> padded(static_cast<std::size_t>(view.padded.elements()));
  const std::int64_t n = row_length(view.shape);
  const std::int64_t rows = view.shape.elements() == 0 ? 0 : view.shape.rows();
  for (std::int64_t r = 0; r < rows; ++r) std::copy_n(src + r * n, n, padded.data() + padded_offset(view, r));
  for (std::int64_t i = 0; i < tiles.count; ++i)
    encode_tiles(view.format, padded.data() + i * tiles.rows * tiles.columns, tiles.rows, tiles.columns, tiles.columns,
                 view.data + i * tiles.bytes);
}

// Host memory to host memory. Same format: bytes; else by value.
void encode_into(const HostTensor& from, const View& into) {
  const std::vector<float> values =
      into.layout == Layout::kTiled || into.format != from.format() ? from.values() : std::vector<float>();
  if (into.layout == Layout::kTiled) return encode_tiled(values.data(), into);
  if (into.format != from.format()) return copy_from_f32(values.data(), into);
  const std::int64_t bytes = row_bytes(into.format, row_length(into.shape));
  each_row(into, [&](std::int64_t offset, std::int64_t index) {
    std::memcpy(into.data + offset, from.view().data + index * bytes, static_cast<std::size_t>(bytes));
  });
}

View view_of(std::byte* data, Format format, const Shape& shape, const device::PhysicalForm& form) {
  View view = make_view(data, format, form.padded);
  view.layout = form.layout;
  view.shape = shape;
  return view;
}

}  // namespace

Tensor Session::Impl::allocate_pooled(Format format, const Shape& shape) {
  const Format stored = row(format).is_float && !device.stores(format) ? Format::f32 : format;
  const device::PhysicalForm form = device.physical_form({shape, stored});
  Pool::Block block = pool->take(form.bytes);
  return {view_of(block.data, stored, shape, form), std::move(block.owner), format};
}

Tensor Session::Impl::allocate_plain(Format format, const Shape& shape) {
  const Format stored = row(format).is_float && !device.stores(format) ? Format::f32 : format;
  const device::PhysicalForm form = device.physical_form({shape, stored});
  std::shared_ptr<device::Memory> memory = device.allocate(form.bytes);
  std::byte* const data = memory->data();
  return {view_of(data, stored, shape, form), std::move(memory), format};
}

Tensor Session::Impl::allocate_zeroed(Format format, const Shape& shape) {
  Tensor tensor = allocate_plain(format, shape);
  if (capabilities.computes) fill_zero(device, *static_cast<device::Memory*>(tensor.owner().get()));
  return tensor;
}

void Session::Impl::write(const HostTensor& from, const Tensor& into) {
  const View& view = into.view();
  check_readable(view);
  note_host();
  stream->synchronize();  // launches under way may still read what is overwritten
  // f32 that stands in for another format holds that format's values already when they come as such.
  if (capabilities.host_memory) return encode_into(from, view);
  std::vector<std::byte> bytes(extent_bytes(view));
  if (view.layout == Layout::kRowMajor && !view.contiguous()) stream->download(view.data, bytes.data(), bytes.size());
  View host = view;
  host.data = bytes.data();
  encode_into(from, host);
  stream->upload(bytes.data(), view.data, bytes.size());
  stream->synchronize();  // `bytes` goes
}

HostTensor Session::Impl::read(const Tensor& tensor) {
  View view = tensor.view();
  check_readable(view);
  note_host();
  stream->synchronize();
  std::vector<std::byte> bytes;
  if (!capabilities.host_memory) {
    bytes.resize(extent_bytes(view));
    stream->download(view.data, bytes.data(), bytes.size());
    view.data = bytes.data();
  }
  if (view.format == Format::i32) {
    HostTensor result(Format::i32, view.shape);
    const std::int64_t row_size = row_length(view.shape) * 4;
    each_row(view, [&](std::int64_t offset, std::int64_t index) {
      std::memcpy(result.view().data + index * row_size, view.data + offset, static_cast<std::size_t>(row_size));
    });
    return result;
  }
  HostTensor result(Format::f32, view.shape);
  if (view.layout == Layout::kTiled)
    decode_tiled(view, result.f32().data());
  else
    copy_to_f32(view, result.f32().data());
  return result;
}

}  // namespace firstlight::run
