// Weights as the reference device stores them: row-major in their format's row layout, W as [K, N] rows over N.
#pragma once

#include "firstlight/device/contract.h"

namespace firstlight::device::ref {

void pack_weight(const WeightSpec& spec, const WeightSource& source, std::byte* dst, Executor& executor,
                 const std::function<void(std::int64_t)>& advance);
void unpack_weight(const WeightSpec& spec, const std::byte* packed, float* dst);

}  // namespace firstlight::device::ref
