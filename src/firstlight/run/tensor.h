// A placed tensor: a view of device memory with shared ownership, cheap to copy.
#pragma once

#include <memory>

#include "firstlight/tensor/view.h"

namespace firstlight::run {

// How a tensor lies over the devices of a mesh. `of` is 1 until there is a mesh.
struct Distribution {
  enum class Kind : std::uint8_t { kReplicated, kSharded, kPartial } kind = Kind::kReplicated;
  int axis = 0;
  int index = 0;
  int of = 1;
};

class Tensor {
 public:
  Tensor() = default;
  Tensor(View view, std::shared_ptr<void> owner) : Tensor(view, std::move(owner), view.format) {}
  // `values` is the format whose values the bytes hold: the view's own, or the policy's where the device keeps f32 in
  // place of a format that it does not store.
  Tensor(View view, std::shared_ptr<void> owner, Format values)
      : view_(view), owner_(std::move(owner)), values_(values) {}

  bool empty() const { return owner_ == nullptr; }
  const View& view() const { return view_; }
  const Shape& shape() const { return view_.shape; }
  Format format() const { return view_.format; }
  Format values() const { return values_; }
  const std::shared_ptr<void>& owner() const { return owner_; }
  const Distribution& distribution() const { return distribution_; }

  // Parts and other shapes of the same memory (view.h says which are possible).
  Tensor columns(std::int64_t begin, std::int64_t end) const {
    return {slice_last(view_, begin, end), owner_, values_};
  }
  Tensor rows(std::int64_t begin, std::int64_t end) const { return {slice_first(view_, begin, end), owner_, values_}; }
  Tensor reshaped(const Shape& shape) const { return {reshape(view_, shape), owner_, values_}; }

 private:
  View view_;
  std::shared_ptr<void> owner_;
  Format values_ = Format::f32;
  Distribution distribution_;
};

}  // namespace firstlight::run
