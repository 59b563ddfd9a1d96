// The ops of this device: each reads a call's operands and hands rows, panels or heads to the kernels of an ISA. The
// table that lists them is rows.h.
#pragma once

#include "firstlight/device/contract.h"
#include "firstlight/device/cpu/kernels.h"

namespace firstlight::device::cpu {

void embedding(const KernelCall& call, const Kernels& kernels);
void linear(const KernelCall& call, const Kernels& kernels);
void matmul(const KernelCall& call, const Kernels& kernels);
void binary(const KernelCall& call, const Kernels& kernels);
void unary(const KernelCall& call, const Kernels& kernels);
void affine(const KernelCall& call, const Kernels& kernels);
void reduce(const KernelCall& call, const Kernels& kernels);
void softmax(const KernelCall& call, const Kernels& kernels);
void copy(const KernelCall& call, const Kernels& kernels);
void concat(const KernelCall& call, const Kernels& kernels);
void gather_rows(const KernelCall& call, const Kernels& kernels);
void cache_append(const KernelCall& call, const Kernels& kernels);
void cache_gather(const KernelCall& call, const Kernels& kernels);
void rms_norm(const KernelCall& call, const Kernels& kernels);
void layer_norm(const KernelCall& call, const Kernels& kernels);
void rope(const KernelCall& call, const Kernels& kernels);
void gated(const KernelCall& call, const Kernels& kernels);
void attention(const KernelCall& call, const Kernels& kernels);
void route(const KernelCall& call, const Kernels& kernels);
void add_gathered(const KernelCall& call, const Kernels& kernels);

// The product by whole numbers: whether a policy's setting asks for 8-bit inputs; scratch, and the product itself by
// these of the kernels, of a task with its weight, rows, bias and output. False where an input is infinite or a NaN:
// such a row's results are NaN.
bool takes_integers(const KernelCall& call);
std::size_t linear_integer_scratch(const KernelCall& call, int threads);
bool linear_integer(const KernelCall& call, const Kernels& kernels, const IntegerKernels& integers, LinearTask task);
std::size_t linear_tiles_scratch(const KernelCall& call, int threads);
void linear_tiles(const KernelCall& call, const ProductKernels& products, LinearTask task);

// Scratch, in bytes.
std::size_t linear_scratch(const KernelCall& call, int threads);
std::size_t matmul_scratch(const KernelCall& call, int threads);
std::size_t row_scratch(const KernelCall& call, int threads);  // one f32 row of the longest operand for each worker
std::size_t attention_scratch(const KernelCall& call, int threads);

inline std::size_t no_scratch(const KernelCall&, int) { return 0; }

// Whether the operands are stored as kernels compute on them, f32 or bf16: every float operand of the call; the others
// leave out weights and pages.
bool accepts_activations(const KernelCall& call);
bool accepts_embedding(const KernelCall& call);
bool accepts_linear(const KernelCall& call);
bool accepts_attention(const KernelCall& call);

}  // namespace firstlight::device::cpu
