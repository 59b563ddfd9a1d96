// One op on the reference device, from host tensors to values.
#pragma once

#include <vector>

#include "firstlight/base/error.h"
#include "firstlight/device/ref/ref.h"
#include "firstlight/tensor/tensor.h"

namespace firstlight::device {

inline const KernelRow& kernel_of(const Device& device, op::Op op) {
  for (const KernelRow& row : device.kernels())
    if (row.op == op) return row;
  fail(Category::kInternal, op::row(op).name, "the device has no kernel");
}

// Runs `op` with the given output View (the state of an in-place op).
template <typename Args>
void run_into(op::Op op, const Args& args, const std::vector<View>& in, const View& out, int threads = 2) {
  const std::unique_ptr<Device> device = open_ref({.threads = threads});
  const KernelRow& kernel = kernel_of(*device, op);
  KernelCall call{&args, sizeof(args), in, {&out, 1}, {}};
  call.context.executor = &device->executor();
  const std::size_t bytes = kernel.scratch_bytes == nullptr ? 0 : kernel.scratch_bytes(call, threads);
  const std::unique_ptr<Memory> scratch = device->allocate(bytes);
  call.context.scratch = {scratch->data(), bytes};
  device->new_stream()->launch(kernel, call);
}

template <typename Args>
HostTensor run_op(op::Op op, const Args& args, const std::vector<View>& in, Format out = Format::f32) {
  std::vector<op::TensorSpec> specs;
  for (const View& view : in) specs.push_back({view.shape, view.format});
  HostTensor result(out, op::row(op).infer(&args, specs)[0]);
  run_into(op, args, in, result.view());
  return result;
}

// A placed weight of the reference device: the same bytes, marked as packed.
inline View packed(const HostTensor& weight) {
  View view = weight.view();
  view.layout = Layout::kPacked;
  return view;
}

}  // namespace firstlight::device
