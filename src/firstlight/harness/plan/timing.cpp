// Times of single ops. docs/boards.md derives each formula.
#include "firstlight/harness/plan/timing.h"

#include <algorithm>
#include <cmath>

namespace firstlight::harness::plan {
namespace {

constexpr std::int64_t kTileSide = 32;

double tiles_of(std::int64_t elements) { return static_cast<double>(ceil_div(elements, kTileSide)); }

// In decode one core beside each DRAM bank multiplies what its bank holds (tt_stack.md §6.4: a DRAM-sharded product
// counts as many cores as banks); read interleaved, all cores share the outputs.
void time_decode_product(OpTime& time, const Work& work, const Board& board, const Constants& constants,
                         const Mode& mode) {
  const Chip& chip = board.chip;
  const double outputs = tiles_of(work.n);
  time.cores = static_cast<int>(std::min<double>(mode.sharded ? chip.dram_banks : chip.compute_cores, outputs));
  const double columns = std::ceil(outputs / time.cores);
  time.tile_products = tiles_of(work.m) * tiles_of(work.k) * columns;
  time.matrix =
      time.tile_products * (constants.decode_tile_cycles + constants.cycles_per_phase * work.phases) / chip.clock_hz;
  // Banks are read side by side: the fullest one ends last.
  const double rate = chip.dram_bytes_per_s * (mode.sharded ? constants.sharded_share : constants.interleaved_share);
  const double uneven = mode.sharded ? columns * chip.dram_banks / outputs : 1;
  time.dram = work.dram_bytes * std::max(1.0, uneven) / rate;
  // Every core gets all activations, multicast once.
  time.noc = static_cast<double>(work.m * work.k) * 2 / chip.noc_bytes_per_cycle / chip.clock_hz;
}

// In prefill outputs are cut over the grid in both directions, activations and weights are multicast along it.
void time_prefill_product(OpTime& time, const Work& work, const Board& board, const Constants& constants) {
  const Chip& chip = board.chip;
  const Grid grid = core_grid(chip.compute_cores);
  const double rows = std::ceil(tiles_of(work.m) / static_cast<double>(grid.rows));
  const double columns = std::ceil(tiles_of(work.n) / static_cast<double>(grid.columns));
  time.cores = static_cast<int>(std::min(tiles_of(work.m), static_cast<double>(grid.rows)) *
                                std::min(tiles_of(work.n), static_cast<double>(grid.columns)));
  time.tile_products = rows * columns * tiles_of(work.k);
  time.matrix =
      time.tile_products * (constants.prefill_tile_cycles + constants.cycles_per_phase * work.phases) / chip.clock_hz;
  const double readings = std::max(1.0, std::ceil(static_cast<double>(work.m) / constants.fold_tokens));
  const double weights = tiled_bytes(work.format, work.k, work.n);
  time.dram = (work.dram_bytes + (readings - 1) * weights) / (chip.dram_bytes_per_s * constants.interleaved_share);
  // The busiest link carries a row of activation blocks and a column of weight blocks.
  const double moved = (rows * tile_bytes(Format::bf16) + columns * tile_bytes(work.format)) * tiles_of(work.k);
  time.noc = moved / chip.noc_bytes_per_cycle / chip.clock_hz;
}

void time_attention(OpTime& time, const Work& work, const Board& board, const Constants& constants) {
  const Chip& chip = board.chip;
  const double head_tiles = tiles_of(work.head_dim);
  const double positions = tiles_of(work.positions);
  const double pairs = static_cast<double>(work.pairs);
  const double products = 2 * head_tiles;  // scores and weighted sum, for one tile of positions
  const double cycles_of_product = (work.decode ? constants.decode_tile_cycles : constants.prefill_tile_cycles) +
                                   constants.cycles_per_phase * work.phases;
  const double score_cycles = work.decode ? constants.decode_score_cycles : constants.prefill_score_cycles;
  double steps = 0;  // tiles of scores of the busiest core
  double heads = 0;  // KV heads of users that it takes up
  if (work.decode) {
    // Cores share a head when there are more cores than heads of users, at most attention_cores of them.
    const double sharing =
        std::clamp(std::floor(chip.compute_cores / pairs), 1.0, std::min(constants.attention_cores, positions));
    const double rounds = std::ceil(pairs * sharing / chip.compute_cores);
    time.cores = static_cast<int>(std::min<double>(chip.compute_cores, pairs * sharing));
    heads = rounds;
    steps = rounds * std::ceil(positions / sharing) * static_cast<double>(work.query_tiles);
  } else {
    // A causal square: half of it, the diagonal whole; of a window, the band of tiles that rows of a tile reach.
    const double reach = work.window > 0 ? std::min(positions, tiles_of(work.window) + 1) : positions;
    const double square = reach * (reach + 1) / 2 + (positions - reach) * reach;
    time.cores = static_cast<int>(std::min<double>(chip.compute_cores, pairs * positions));
    steps = pairs * square / time.cores;
  }
  time.tile_products = steps * products;
  time.matrix = time.tile_products * cycles_of_product / chip.clock_hz;
  // The vector unit and the matrix unit share the core's destination registers: one after the other.
  time.vector = time.matrix + (steps * score_cycles + heads * constants.decode_head_cycles) / chip.clock_hz;
  time.dram = work.dram_bytes / (chip.dram_bytes_per_s * constants.interleaved_share);
}

}  // namespace

double OpTime::work() const { return std::max({dram, matrix, vector, noc, links}); }

std::string_view OpTime::bound() const {
  const double most = work();
  if (dispatch > most) return "dispatch";
  if (most == dram) return "DRAM";
  if (most == matrix) return "matrix unit";
  if (most == vector) return "vector unit";
  return most == links ? "links" : "NoC";
}

Grid core_grid(int cores) {
  Grid grid{1, std::max(1, cores)};
  for (std::int64_t rows = 2; rows * rows <= cores; ++rows)
    if (cores % rows == 0) grid = {rows, cores / rows};
  return grid;
}

OpTime op_time(const Work& work, const Board& board, const Constants& constants, const Mode& mode) {
  OpTime time;
  const Chip& chip = board.chip;
  constexpr double kMicro = 1e-6;
  time.dispatch = work.launches * kMicro *
                  (!work.decode  ? constants.prefill_launch_us
                   : mode.traced ? constants.launch_us
                                 : constants.eager_us);
  switch (work.kind) {
    case WorkKind::kProduct:
      if (work.decode)
        time_decode_product(time, work, board, constants, mode);
      else
        time_prefill_product(time, work, board, constants);
      break;
    case WorkKind::kAttention:
      time_attention(time, work, board, constants);
      break;
    case WorkKind::kVector:
      time.cores = static_cast<int>(
          std::clamp(work.vector_elements / (kTileSide * kTileSide), 1.0, static_cast<double>(chip.compute_cores)));
      time.vector = work.vector_elements * constants.sfpu_steps / constants.sfpu_lanes / time.cores / chip.clock_hz;
      time.dram = work.dram_bytes / (chip.dram_bytes_per_s * constants.interleaved_share);
      if (mode.fused) time = OpTime{};
      break;
    case WorkKind::kLookup:
      time.dram = work.dram_bytes / (chip.dram_bytes_per_s * constants.interleaved_share);
      break;
    case WorkKind::kCollective:
      time.links = work.link_bytes / board.link_bytes_per_s +
                   kMicro * ((work.two_axes ? constants.two_axis_us : constants.collective_us) +
                             constants.hop_us * (work.axis_chips - 1));
      break;
  }
  return time;
}

}  // namespace firstlight::harness::plan
