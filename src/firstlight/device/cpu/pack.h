// How this device stores weights.
//
// A linear weight [K, N] lies in panels of 16 columns, N padded with zeros; the panel is a device's unit of work.
//   f32, f16, bf16      [K][16] elements
//   bfp8, bfp4, bfp2    for every 16 inputs (K padded): 16 exponent bytes, one per input, then the codes of those
//   inputs.
//                       bfp8: 16 signed bytes an input. bfp4: a byte holds code + 8 of one column for an even input
//                       (low nibble) and the next. bfp2: code + 2 for four inputs, the first in the low bits.
// A code is the signed magnitude of format/block_float.h, so value = code 2^(E - 127 - (m - 1)); a code that the format
// flushes to zero is stored as 0, so that kernels need no rule for it. The bytes per weight are the format's own.
// Tables and vectors are row-major in their format's row layout.
#pragma once

#include "firstlight/device/contract.h"
#include "firstlight/device/cpu/kernels.h"

namespace firstlight::device::cpu {

inline constexpr std::string_view kPanelLayout = "cpu-panel16-v1";
inline constexpr std::string_view kRowLayout = "cpu-rows-v1";

std::int64_t panel_bytes(Format format, std::int64_t k);
WeightPlan plan_weight(const WeightSpec& spec);
// Throws kBadInput where a block format meets an infinity or a NaN.
void pack_weight(const WeightPlan& plan, const WeightSource& source, std::byte* dst, Executor& executor,
                 const std::function<void(std::int64_t)>& advance);
void unpack_weight(const WeightPlan& plan, const std::byte* packed, float* dst);

// The kernels' form of a View of a packed linear weight.
PanelWeight panel_weight(const View& weight);
// Column n of a packed linear weight, K values.
void unpack_column(const PanelWeight& weight, std::int64_t n, float* dst);

}  // namespace firstlight::device::cpu
