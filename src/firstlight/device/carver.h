// Scratch in pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "firstlight/tensor/shape.h"

namespace firstlight::device {

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

}  // namespace firstlight::device
