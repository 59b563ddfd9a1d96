// Weights as the chip stores them: a linear weight as 32x32 tiles, all tiles of K of one tile column together; a table
// as rows; a vector as f32, which kernels round to the bf16 of a tile row where they use it. The host packs (nearest
// even).
#pragma once

#include "firstlight/device/contract.h"

namespace firstlight::device::tensix {

// Bytes of the packed weight, without its plan.
std::size_t weight_bytes(const WeightSpec& spec);
void pack_weight(const WeightSpec& spec, const WeightSource& source, std::byte* dst, Executor& executor,
                 const std::function<void(std::int64_t)>& advance);
void unpack_weight(const WeightSpec& spec, const std::byte* packed, float* dst);

// The tile (k, n) of a linear weight [K, N].
inline const std::byte* weight_tile(const View& weight, std::int64_t k_tile, std::int64_t n_tile,
                                    std::int64_t bytes_of_tile, std::int64_t k_tiles) {
  return weight.data + (n_tile * k_tiles + k_tile) * bytes_of_tile;
}

}  // namespace firstlight::device::tensix
