// How far the chip's result may be from the exact one: a bound for every element, from the operands, the formats, the
// fidelity phases and K. It holds for both emulation levels. Blocks whose shared exponent is below 7 are outside of it
// (their exponents wrap on the chip).
#pragma once

#include <span>
#include <vector>

#include "firstlight/device/bound_operands.h"
#include "firstlight/device/tensix/bounds/steps.h"

namespace firstlight::device::tensix {

// Device::error_bound of this device. The defect is Wormhole's lost ulp: a total of -1 of the last bit of a 32-bit Dst
// comes out 27 binades high, which the bound must allow wherever a sum may be that near to 0.
void error_bound(op::Op op, const KernelCall& call, const View& exact, bool defects, std::span<double> bound);

// ---- Parts -----------------------------------------------------------------------------------------------------

// `bound` is that of Dst or L1 ahead of storing; it starts at 0.
struct BoundCall : BoundOperands {
  const KernelCall& call;
  Core core;

  Format format(std::size_t operand) const { return in[operand].format; }
};

void bound_linear(const BoundCall& call);
void bound_matmul(const BoundCall& call);
void bound_binary(const BoundCall& call);
void bound_unary(const BoundCall& call);
void bound_affine(const BoundCall& call);
void bound_gated(const BoundCall& call);
void bound_reduce(const BoundCall& call);
void bound_softmax(const BoundCall& call);
void bound_rms_norm(const BoundCall& call);
void bound_layer_norm(const BoundCall& call);
void bound_rope(const BoundCall& call);
void bound_attention(const BoundCall& call);
void bound_route(const BoundCall& call);
void bound_add_gathered(const BoundCall& call);

// What storing a row from Dst adds. `wide`: Dst holds fp32.
void add_storage(Format stored, bool wide, const float* exact, std::int64_t n, double* bound);

}  // namespace firstlight::device::tensix
