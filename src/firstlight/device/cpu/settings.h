// The kernel settings of this device that a policy may name.
#pragma once

#include <span>
#include <string_view>

#include "firstlight/device/contract.h"

namespace firstlight::device::cpu {

struct Settings {
  // Linear products with a weight of a block format take their inputs in 8 bits (kernels/integer.h). Weights of other
  // formats are multiplied as without it.
  bool integer_inputs = false;
};

// Null for names that this device has not.
const Settings* find_settings(std::string_view name);

// Attention whose softmax weights are rounded to bf16 on their way to values of bf16: what Device::add_rounding adds.
void add_weight_rounding(const KernelCall& call, const View& exact, std::span<double> bound);
// Linear products of bf16 by whole numbers (kernels/integer_words.h): the same for inputs that 16 bits do not hold.
void add_word_rounding(const KernelCall& call, const View& exact, std::span<double> bound);
// Device::error_bound under these settings; false where the bound is that of float32 arithmetic.
bool integer_error_bound(op::Op op, const KernelCall& call, const View& exact, std::span<double> bound);

}  // namespace firstlight::device::cpu
