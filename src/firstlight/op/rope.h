// Rotary position embedding.
#pragma once

#include "firstlight/op/op.h"

namespace firstlight::op {

// Which two elements of a head are rotated together.
enum class RopePairing : std::uint8_t {
  kHalfSplit,    // i and i + rotary_dim/2 (Hugging Face)
  kInterleaved,  // 2i and 2i + 1
};

// The first rotary_dim elements of each head are rotated by the angle of their row's position; the rest pass through:
//   out[i] = x[i] cos - x[j] sin, out[j] = x[j] cos + x[i] sin, (i, j) the pair.
// in: x [R, H, D] (rows and heads may be strided), cos f32 [P, rotary_dim/2], sin f32 [P, rotary_dim/2], positions i32
// [R] (each in [0, P)). out: [R, H, D].
struct Rope {
  int rotary_dim = 0;  // even, <= D
  RopePairing pairing = RopePairing::kHalfSplit;
  static constexpr OpTraits kTraits{.min_inputs = 4, .max_inputs = 4, .kind = Kind::kComposite};
  std::vector<Shape> infer(std::span<const TensorSpec> in) const;
  Cost cost(std::span<const TensorSpec> in, std::span<const TensorSpec> out) const;
};

}  // namespace firstlight::op
