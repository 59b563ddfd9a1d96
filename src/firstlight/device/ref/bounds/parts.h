// The bounds by family of ops. Each fills `bound` with the error of the arithmetic alone, before the result is stored.
#pragma once

#include <span>
#include <vector>

#include "firstlight/device/contract.h"
#include "firstlight/device/ref/bounds/bounded.h"

namespace firstlight::device::ref {

struct BoundCall {
  const void* args;
  std::span<const View> in;
  const View& exact;
  std::span<double> bound;

  template <typename Args>
  const Args& as() const {
    return *static_cast<const Args*>(args);
  }
  // Decoded operand, in logical order.
  std::vector<float> values(std::size_t operand) const;
  // Index operand, in logical order.
  std::vector<std::int32_t> indices(std::size_t operand) const;
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

// Softmax weights of scores that are themselves inexact, and the relative error of each.
struct SoftmaxWeights {
  std::vector<double> weight;
  std::vector<double> relative_error;
};
SoftmaxWeights softmax_weights(std::span<const Bounded> scores);

}  // namespace firstlight::device::ref
