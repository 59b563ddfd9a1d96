// Ops over operands that kernels do not compute on (f16, block floats): they become f32 in scratch, and the result is
// stored by its format's host rule.
#pragma once

#include <array>

#include "firstlight/device/cpu/ops/ops.h"

namespace firstlight::device::cpu {

// A call whose operands are f32 where they were neither f32 nor bf16, but for those whose bits are set in `keep`:
// placed weights, and pages of a cache.
class WidenedCall {
 public:
  // The widened operands lie in the call's scratch; the op gets what is left of it.
  WidenedCall(const KernelCall& call, unsigned keep);
  const KernelCall& call() const { return call_; }
  std::size_t bytes() const { return bytes_; }  // of the widened operands
  void read() const;
  void write() const;

 private:
  View widened(const View& view);
  const KernelCall& original_;
  KernelCall call_;
  std::array<View, 8> in_;
  std::array<View, 2> out_;
  std::size_t bytes_ = 0;
};

template <const Kernels& kKernels, void (*kOp)(const KernelCall&, const Kernels&), unsigned kKeep>
void run_widened(const KernelCall& call) {
  const WidenedCall widened(call, kKeep);
  widened.read();
  kOp(widened.call(), kKernels);
  widened.write();
}

template <std::size_t (*kScratch)(const KernelCall&, int), unsigned kKeep>
std::size_t widened_scratch(const KernelCall& call, int threads) {
  const WidenedCall widened(call, kKeep);
  return widened.bytes() + kScratch(widened.call(), threads);
}

}  // namespace firstlight::device::cpu
