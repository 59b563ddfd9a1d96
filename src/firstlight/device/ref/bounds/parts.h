// The bounds by family of ops. Each fills `bound` with the error of the arithmetic alone, before the result is stored.
#pragma once

#include <span>
#include <vector>

#include "firstlight/device/bound_operands.h"
#include "firstlight/device/ref/bounds/bounded.h"

namespace firstlight::device::ref {

struct BoundCall : BoundOperands {
  const void* args;

  template <typename Args>
  const Args& as() const {
    return *static_cast<const Args*>(args);
  }
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
