// A session's public face.
#include "firstlight/run/session.h"

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/run/session_impl.h"

namespace firstlight::run {

Session::Session(device::Device& device, Policy policy)
    : device_(device), policy_(std::move(policy)), impl_(std::make_unique<Impl>(*this)) {}

Session::~Session() = default;

void Session::note_group(std::string_view key, Group group) { impl_->note_group(key, group); }

Tensor Session::allocate(Format format, const Shape& shape) {
  impl_->note_host();  // the next run would not find zeros
  return impl_->allocate_zeroed(format, shape);
}

Tensor Session::upload(const HostTensor& tensor) {
  Tensor result = impl_->allocate_plain(tensor.format(), tensor.shape());
  impl_->write(tensor, result);
  return result;
}

void Session::upload(const HostTensor& tensor, const Tensor& into) {
  if (!(tensor.shape() == into.shape()) || tensor.format() != into.values())
    fail(Category::kInternal, "upload", "{} {} does not go into {} {}", format_name(tensor.format()),
         tensor.shape().str(), format_name(into.values()), into.shape().str());
  impl_->write(tensor, into);
}

HostTensor Session::download(const Tensor& tensor) { return impl_->read(tensor); }

void Session::synchronize() { impl_->stream->synchronize(); }

void Session::attach(Observer& observer) { impl_->observers.push_back(&observer); }

void Session::detach(Observer& observer) { std::erase(impl_->observers, &observer); }

std::size_t Session::peak_activation_bytes() const { return impl_->pool->peak_bytes() + recorded_bytes_; }

Tensor Session::call_erased(op::Op op, const void* args, std::size_t args_bytes, std::span<const Tensor> in,
                            std::string_view key, std::optional<Format> format, bool suffixed) {
  return impl_->call({op, args, args_bytes, in, key, suffixed}, format);
}

void Session::call_in_place_erased(op::Op op, const void* args, std::size_t args_bytes, std::span<const Tensor> in,
                                   const Tensor& state, std::string_view key) {
  impl_->call_in_place({op, args, args_bytes, in, key, false}, state);
}

}  // namespace firstlight::run
