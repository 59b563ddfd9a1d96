// The table of linear products of one instruction set: included last by tables/<isa>_products.cpp, which names it.
#pragma once

#if defined(FL_TILES)
#include "firstlight/device/cpu/kernels/tiles.h"
#else
#include "firstlight/device/cpu/kernels/blocked.h"
#include "firstlight/device/cpu/kernels/rounds.h"
#endif

namespace firstlight::device::cpu {

extern const ProductKernels FL_TABLE(Products);
const ProductKernels FL_TABLE(Products) = {
#if defined(FL_TILES)
    .inputs = Inputs::kTiles,
    .tile_rows = kTileSide,
    .direct_panels = FL_ISA::kPairPanels,
#elif defined(FL_PAIRS)
    .inputs = Inputs::kPairs,
    .tile_rows = FL_ISA::kTileRows,
    .direct_panels = FL_ISA::kPairPanels,
#else
    .inputs = Inputs::kFloats,
    .tile_rows = FL_ISA::kTileRows,
    .direct_panels = FL_ISA::kDirectPanels,
#endif
    .pack_tile = FL_ISA::pack_tile,
    .direct = FL_ISA::linear_direct,
    .blocked = FL_ISA::linear_blocked,
    .rounds = FL_ISA::rounds,
};

}  // namespace firstlight::device::cpu
