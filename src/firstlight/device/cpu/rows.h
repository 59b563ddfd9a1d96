// The device's table, once for each instruction set: every op, the scratch it needs, and the operands it takes.
#pragma once

#include "firstlight/device/cpu/ops/ops.h"
#include "firstlight/device/cpu/ops/widen.h"

namespace firstlight::device::cpu {

template <const Kernels& kKernels, void (*kOp)(const KernelCall&, const Kernels&)>
void run_with(const KernelCall& call) {
  kOp(call, kKernels);
}

inline constexpr unsigned kWeightFirst = 1;  // operands that stay as they are stored when others are widened
inline constexpr unsigned kWeightSecond = 2;
inline constexpr unsigned kPages = 6;

template <const Kernels& K>
inline constexpr KernelRow kRows[] = {
    // f32 and bf16 operands, in any mixture.
    {op::Op::embedding, run_with<K, embedding>, row_scratch, accepts_embedding},
    {op::Op::linear, run_with<K, linear>, linear_scratch, accepts_linear},
    {op::Op::matmul, run_with<K, matmul>, matmul_scratch, accepts_activations},
    {op::Op::binary, run_with<K, binary>, nullptr, accepts_activations},
    {op::Op::unary, run_with<K, unary>, nullptr, accepts_activations},
    {op::Op::affine, run_with<K, affine>, nullptr, accepts_activations},
    {op::Op::reduce, run_with<K, reduce>, nullptr, accepts_activations},
    {op::Op::softmax, run_with<K, softmax>, nullptr, accepts_activations},
    {op::Op::concat, run_with<K, concat>, nullptr, accepts_activations},
    {op::Op::gather_rows, run_with<K, gather_rows>, nullptr, accepts_activations},
    {op::Op::rms_norm, run_with<K, rms_norm>, nullptr, accepts_activations},
    {op::Op::layer_norm, run_with<K, layer_norm>, nullptr, accepts_activations},
    {op::Op::rope, run_with<K, rope>, nullptr, accepts_activations},
    {op::Op::gated, run_with<K, gated>, nullptr, accepts_activations},
    {op::Op::route, run_with<K, route>, row_scratch, accepts_activations},
    {op::Op::add_gathered, run_with<K, add_gathered>, row_scratch, accepts_activations},
    {op::Op::attention, run_with<K, attention>, attention_scratch, accepts_attention},
    // Any format by themselves.
    {op::Op::copy, run_with<K, copy>, row_scratch},
    {op::Op::cache_append, run_with<K, cache_append>, row_scratch},
    {op::Op::cache_gather, run_with<K, cache_gather>, row_scratch},
    // Other formats: by way of f32 in scratch.
    {op::Op::embedding, run_widened<K, embedding, kWeightFirst>, widened_scratch<row_scratch, kWeightFirst>},
    {op::Op::linear, run_widened<K, linear, kWeightSecond>, widened_scratch<linear_scratch, kWeightSecond>},
    {op::Op::matmul, run_widened<K, matmul, 0>, widened_scratch<matmul_scratch, 0>},
    {op::Op::binary, run_widened<K, binary, 0>, widened_scratch<no_scratch, 0>},
    {op::Op::unary, run_widened<K, unary, 0>, widened_scratch<no_scratch, 0>},
    {op::Op::affine, run_widened<K, affine, 0>, widened_scratch<no_scratch, 0>},
    {op::Op::reduce, run_widened<K, reduce, 0>, widened_scratch<no_scratch, 0>},
    {op::Op::softmax, run_widened<K, softmax, 0>, widened_scratch<no_scratch, 0>},
    {op::Op::concat, run_widened<K, concat, 0>, widened_scratch<no_scratch, 0>},
    {op::Op::gather_rows, run_widened<K, gather_rows, 0>, widened_scratch<no_scratch, 0>},
    {op::Op::rms_norm, run_widened<K, rms_norm, 0>, widened_scratch<no_scratch, 0>},
    {op::Op::layer_norm, run_widened<K, layer_norm, 0>, widened_scratch<no_scratch, 0>},
    {op::Op::rope, run_widened<K, rope, 0>, widened_scratch<no_scratch, 0>},
    {op::Op::gated, run_widened<K, gated, 0>, widened_scratch<no_scratch, 0>},
    {op::Op::route, run_widened<K, route, 0>, widened_scratch<row_scratch, 0>},
    {op::Op::add_gathered, run_widened<K, add_gathered, 0>, widened_scratch<row_scratch, 0>},
    {op::Op::attention, run_widened<K, attention, kPages>, widened_scratch<attention_scratch, kPages>},
};

}  // namespace firstlight::device::cpu
