// A Tensor owns its bytes on the host, through a shared handle that is cheap to copy.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "firstlight/tensor/view.h"

namespace firstlight {

// Host memory, 64-byte aligned, contiguous row-major. Copies share the bytes.
class HostTensor {
 public:
  HostTensor() = default;
  // Zero-filled.
  HostTensor(Format format, const Shape& shape);
  // f32 from values; shape.elements() must equal values.size().
  static HostTensor from(std::span<const float> values, const Shape& shape);
  static HostTensor from(std::span<const std::int32_t> values, const Shape& shape);

  bool empty() const { return bytes_ == nullptr; }
  const View& view() const { return view_; }
  const Shape& shape() const { return view_.shape; }
  Format format() const { return view_.format; }
  std::size_t size_bytes() const;
  // Decoded values in row-major order.
  std::vector<float> values() const;
  std::span<float> f32();
  std::span<const float> f32() const;

 private:
  std::shared_ptr<std::byte[]> bytes_;
  View view_;
};

}  // namespace firstlight
