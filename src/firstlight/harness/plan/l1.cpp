// Circular buffers of products and attention.
#include "firstlight/harness/plan/l1.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace firstlight::harness::plan {
namespace {

// Outputs leave in bf16; partial sums of K blocks are fp32 in a buffer of their own, or bf16 in that of the outputs.
double output_tile() { return tile_bytes(Format::bf16); }
double partial_tile() { return tile_bytes(Format::f32); }

std::int64_t tile_count(std::int64_t elements) { return ceil_div(elements, 32); }

std::int64_t largest_divisor(std::int64_t value, std::int64_t limit) {
  for (std::int64_t divisor = std::min(value, limit); divisor > 1; --divisor)
    if (value % divisor == 0) return divisor;
  return 1;
}

// Activation blocks double-buffered, weight blocks triple-buffered against DRAM latency. `launches` share the columns,
// as those of an LM head do.
L1Plan product_plan(const Work& work, const Board& board, std::int64_t block, std::int64_t launches) {
  const Grid grid = core_grid(board.chip.compute_cores);
  const std::int64_t k = tile_count(work.k);
  const std::int64_t rows = work.decode ? tile_count(work.m) : ceil_div(tile_count(work.m), grid.rows);
  const std::int64_t columns =
      ceil_div(tile_count(work.n), (work.decode ? std::int64_t{board.chip.dram_banks} : grid.columns) * launches);
  const auto tiles = [](std::int64_t a, std::int64_t b) { return static_cast<double>(a * b); };
  L1Plan plan;
  plan.op = work.name;
  plan.phase = work.decode ? "decode" : "prefill";
  plan.blocks = fmt::format("K blocks of {} of {} tiles, {} x {} output tiles", block, k, rows, columns);
  plan.activations = 2 * tiles(rows, block) * output_tile();
  plan.weights = (work.decode ? 3 : 2) * tiles(block, columns) * tile_bytes(work.format);
  plan.outputs = tiles(rows, columns) * (output_tile() + (work.fp32_partials ? partial_tile() : 0));
  if (launches > 1) plan.blocks += fmt::format(", {} launches", launches);
  return plan;
}

// Queries of a chunk, keys and values double-buffered, scores, statistics and the result.
L1Plan attention_plan(const Work& work, std::int64_t chunk_tiles) {
  const std::int64_t head = tile_count(work.head_dim);
  const std::int64_t queries = work.decode ? work.query_tiles : chunk_tiles;
  const auto tiles = [](std::int64_t a, std::int64_t b) { return static_cast<double>(a * b); };
  L1Plan plan;
  plan.op = work.name;
  plan.phase = work.decode ? "decode" : "prefill";
  plan.blocks = fmt::format("{} x {} tiles of scores", queries, chunk_tiles);
  plan.activations = tiles(queries, head) * output_tile();
  plan.weights = 2 * 2 * tiles(chunk_tiles, head) * tile_bytes(work.format);
  plan.outputs = tiles(queries, chunk_tiles) * output_tile() + 2 * tiles(queries, head) * output_tile() +
                 4 * static_cast<double>(queries) * output_tile();
  return plan;
}

}  // namespace

double l1_capacity(const Board& board, const Constants& constants) {
  return board.chip.l1_bytes_per_core - constants.l1_reserve_bytes;
}

std::vector<L1Plan> l1_plans(const std::vector<Work>& works, const Board& board, const Constants& constants) {
  const double capacity = l1_capacity(board, constants);
  std::vector<L1Plan> plans;
  for (const Work& work : works) {
    L1Plan plan;
    if (work.kind == WorkKind::kProduct) {
      // In prefill long prompts are folded into the batch: a launch holds rows of one fold.
      Work fold = work;
      fold.m = std::min<std::int64_t>(work.m, static_cast<std::int64_t>(constants.fold_tokens));
      const std::int64_t k = tile_count(work.k);
      std::int64_t block = largest_divisor(k, static_cast<std::int64_t>(constants.block_tiles));
      std::int64_t launches = 1;
      plan = product_plan(fold, board, block, launches);
      const std::int64_t most = tile_count(work.n);
      while (plan.total() > capacity && (block > 1 || launches < most)) {
        // Narrower outputs first where they are what fills L1, else shallower blocks.
        if (launches < most && (block == 1 || plan.outputs > capacity / 2))
          launches = std::min(most, 2 * launches);
        else
          block = largest_divisor(k, block - 1);
        plan = product_plan(fold, board, block, launches);
      }
    } else if (work.kind == WorkKind::kAttention) {
      const double chunk = work.decode ? constants.decode_chunk_tokens : constants.prefill_chunk_tokens;
      std::int64_t tiles = std::clamp<std::int64_t>(tile_count(work.positions), 1,
                                                    std::max<std::int64_t>(1, static_cast<std::int64_t>(chunk) / 32));
      plan = attention_plan(work, tiles);
      while (plan.total() > capacity && tiles > 1) plan = attention_plan(work, tiles /= 2);
    } else {
      continue;
    }
    plans.push_back(std::move(plan));
  }
  return plans;
}

}  // namespace firstlight::harness::plan
