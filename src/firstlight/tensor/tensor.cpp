// HostTensor: aligned, zero-filled, shared.
#include "firstlight/tensor/tensor.h"

#include <cstring>
#include <new>

#include "firstlight/base/error.h"

namespace firstlight {
namespace {

// Keeps the byte count of every format within 63 bits, a block of 17 bytes a row included.
constexpr std::int64_t kMaxElements = std::int64_t{1} << 56;

std::size_t storage_bytes(Format format, const Shape& shape) {
  const std::int64_t last = shape.rank() == 0 ? 1 : shape[-1];
  if (shape.elements() > kMaxElements || shape.rows() > kMaxElements || last > kMaxElements)
    fail(Category::kResource, "", "no memory for a {} tensor of shape {}", format_name(format), shape.str());
  return static_cast<std::size_t>(shape.rows() * row_bytes(format, last));
}

}  // namespace

HostTensor::HostTensor(Format format, const Shape& shape) {
  constexpr std::align_val_t kAlignment{64};
  const std::size_t size = storage_bytes(format, shape) + 64;  // vector loads may touch the line after the last element
  auto* raw = static_cast<std::byte*>(::operator new[](size, kAlignment, std::nothrow));
  if (raw == nullptr) fail(Category::kResource, "", "no memory for a tensor of {} bytes", size);
  std::memset(raw, 0, size);
  bytes_ = std::shared_ptr<std::byte[]>(raw, [](std::byte* memory) { ::operator delete[](memory, kAlignment); });
  view_ = make_view(raw, format, shape);
}

HostTensor HostTensor::from(std::span<const float> values, const Shape& shape) {
  FL_CHECK(static_cast<std::int64_t>(values.size()) == shape.elements());
  HostTensor tensor(Format::f32, shape);
  if (!values.empty()) std::memcpy(tensor.view_.data, values.data(), values.size_bytes());
  return tensor;
}

HostTensor HostTensor::from(std::span<const std::int32_t> values, const Shape& shape) {
  FL_CHECK(static_cast<std::int64_t>(values.size()) == shape.elements());
  HostTensor tensor(Format::i32, shape);
  if (!values.empty()) std::memcpy(tensor.view_.data, values.data(), values.size_bytes());
  return tensor;
}

std::size_t HostTensor::size_bytes() const { return empty() ? 0 : storage_bytes(view_.format, view_.shape); }

std::vector<float> HostTensor::values() const {
  std::vector<float> result(static_cast<std::size_t>(empty() ? 0 : view_.shape.elements()));
  if (!result.empty()) copy_to_f32(view_, result.data());
  return result;
}

std::span<float> HostTensor::f32() {
  FL_CHECK(!empty() && format() == Format::f32);
  return {view_.as<float>(), static_cast<std::size_t>(view_.shape.elements())};
}

std::span<const float> HostTensor::f32() const {
  FL_CHECK(!empty() && format() == Format::f32);
  return {view_.as<float>(), static_cast<std::size_t>(view_.shape.elements())};
}

}  // namespace firstlight
