// The kernels that AMX changes, under SIMDe and emulated tiles; the others are those of the AVX-512 table.
#include "device/cpu/simde.h"
//
#define FL_ISA amx_simde
#include "firstlight/device/cpu/simd/amx.h"
//
#include "device/cpu/simulated.h"
#include "firstlight/device/cpu/kernels/attention.h"
#include "firstlight/device/cpu/kernels/tiles.h"

namespace firstlight::device::cpu {
namespace {

void few_rows(const LinearTask& task, int64_t begin, int64_t end) {
  if (task.inputs != Inputs::kTiles) return kAvx512Simde.linear_direct(task, begin, end);
  const unsigned before = amx_simde::flush_subnormals();
  amx_simde::direct_flushed(task, begin, end);
  amx_simde::restore_subnormals(before);
}

Kernels kernels() {
  Kernels result = kAvx512Simde;
  result.isa = "amx-simde";
  result.bf16_inputs = Inputs::kTiles;
  result.pack_tile = amx_simde::pack_tile;
  result.linear_direct = few_rows;
  result.linear_tiles = amx_simde::linear_tiles;
  result.attention = amx_simde::attention;
  result.bf16_rounds = amx_simde::tile_rounds;
  return result;
}

}  // namespace

const Kernels kAmxSimde = kernels();

}  // namespace firstlight::device::cpu
