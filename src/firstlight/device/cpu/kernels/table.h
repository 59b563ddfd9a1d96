// The table of one instruction set: included last by table_<isa>.cpp, which names it with FL_ISA and FL_TABLE.
#pragma once

#include "firstlight/device/cpu/kernels/attention.h"
#include "firstlight/device/cpu/kernels/blocked.h"
#include "firstlight/device/cpu/kernels/elementwise.h"
#include "firstlight/device/cpu/kernels/integer.h"
#include "firstlight/device/cpu/kernels/norm.h"
#include "firstlight/device/cpu/kernels/probe.h"
#include "firstlight/device/cpu/kernels/tiles.h"

namespace firstlight::device::cpu {

extern const Kernels FL_TABLE;
const Kernels FL_TABLE = {
    .isa = FL_ISA_NAME,
    .convert = FL_ISA::convert,
    .binary = FL_ISA::binary,
    .unary = FL_ISA::unary,
    .gated = FL_ISA::gated,
    .affine = FL_ISA::affine,
    .reduce = FL_ISA::reduce,
    .softmax = FL_ISA::softmax,
    .rms_norm = FL_ISA::rms_norm,
    .layer_norm = FL_ISA::layer_norm,
    .rope = FL_ISA::rope,
#if defined(FL_TILES)
    .bf16_inputs = Inputs::kTiles,
#elif defined(FL_PAIRS)
    .bf16_inputs = Inputs::kPairs,
#else
    .bf16_inputs = Inputs::kFloats,
#endif
    .tile_rows = FL_ISA::kTileRows,
    .direct_panels = FL_ISA::kDirectPanels,
    .exponent_range = FL_ISA::exponent_range,
    .pack_tile = FL_ISA::pack_tile,
    .linear_direct = FL_ISA::linear_direct,
    .linear_blocked = FL_ISA::linear_blocked,
#if defined(FL_TILES)
    .linear_tiles = FL_ISA::linear_tiles,
#else
    .linear_tiles = nullptr,
#endif
    .quantise = FL_ISA::quantise,
    .linear_integer = FL_ISA::linear_integer,
    .multiply = FL_ISA::multiply,
    .attention = FL_ISA::attention,
    .stream_sum = FL_ISA::stream_sum,
    .fma_rounds = FL_ISA::fma_rounds,
#if defined(FL_TILES)
    .bf16_rounds = FL_ISA::tile_rounds,
#elif defined(FL_PAIRS)
    .bf16_rounds = FL_ISA::pair_rounds,
#else
    .bf16_rounds = nullptr,
#endif
};

}  // namespace firstlight::device::cpu
