// How this device stores weights.
//
// A linear weight [K, N] lies in panels of 16 columns, N padded with zeros; the panel is a device's unit of work.
//   f32, f16            [K][16] elements
//   bf16                [K / 2][16][2]: two inputs of a column side by side, a last odd one beside a zero
//   bfp8, bfp4, bfp2    in bundles of four panels, of which the last may have fewer. For every 64 inputs (K padded) the
//                       exponents, [panels][64] bytes, one per input, then the codes, [words][panels][16 columns]: a
//                       32-bit word for four, eight or sixteen inputs of a column (code_shift)
// A code is the signed magnitude of format/block_float.h as two's complement: value = code 2^(E - 127 - (m - 1)). A
// code that the format flushes to zero is stored as 0, and an input whose codes are all 0 under the least exponent of
// its panel's others (127 if it has none), so that kernels need no rule for either. Where K is a
// multiple of 64 the bytes per weight are the format's own. Tables and vectors are row-major in their format's row
// layout.
#pragma once

#include "firstlight/device/contract.h"
#include "firstlight/device/cpu/kernels.h"

namespace firstlight::device::cpu {

inline constexpr std::string_view kPanelLayout = "cpu-panel16-v5";
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
