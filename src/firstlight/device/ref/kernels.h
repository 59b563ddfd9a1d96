// The reference kernels, one for each op, with the scratch they need. The table that lists them is ref.cpp.
#pragma once

#include "firstlight/device/contract.h"

namespace firstlight::device::ref {

void embedding(const KernelCall& call);
void linear(const KernelCall& call);
void matmul(const KernelCall& call);
void binary(const KernelCall& call);
void unary(const KernelCall& call);
void affine(const KernelCall& call);
void reduce(const KernelCall& call);
void softmax(const KernelCall& call);
void copy(const KernelCall& call);
void concat(const KernelCall& call);
void gather_rows(const KernelCall& call);
void cache_append(const KernelCall& call);
void cache_gather(const KernelCall& call);
void rms_norm(const KernelCall& call);
void layer_norm(const KernelCall& call);
void rope(const KernelCall& call);
void gated(const KernelCall& call);
void attention(const KernelCall& call);
void route(const KernelCall& call);
void add_gathered(const KernelCall& call);

std::size_t product_scratch(const KernelCall& call, int threads);  // linear, matmul
std::size_t attention_scratch(const KernelCall& call, int threads);

}  // namespace firstlight::device::ref
