// a b or a b^T of two activations, one batch and one tile of rows a task.
#include <new>

#include "firstlight/device/tensix/ops/ops.h"
#include "firstlight/device/tensix/ops/product.h"
#include "firstlight/op/linear.h"

namespace firstlight::device::tensix {
namespace {

struct MatmulWorker {
  LoadedB* in0;  // [k_tiles]
  LoadedA* in1;
  TileWords* tile;       // of in1, in face order
  std::uint32_t* words;  // [32, K], a's rows; then rows of b
  PartialTile* partial;

  static std::int64_t k_tiles(const KernelCall& call) { return ceil_div(row_length(call.in[0]), kTileSide); }
  static std::int64_t words_count(const KernelCall& call) {
    return kTileSide * kTileSide * k_tiles(call) + round_up(row_length(call.in[1]), kTileSide);
  }
  static std::size_t bytes(const KernelCall& call) {
    return Carver::bytes<LoadedB>(k_tiles(call)) + Carver::bytes<LoadedA>(1) + Carver::bytes<TileWords>(1) +
           Carver::bytes<std::uint32_t>(words_count(call)) + Carver::bytes<PartialTile>(1);
  }
  MatmulWorker(const KernelCall& call, int index) {
    const std::size_t size = bytes(call);
    Carver carver(call.context.scratch.subspan(size * static_cast<std::size_t>(index), size));
    in0 = carver.take<LoadedB>(k_tiles(call));
    in1 = new (carver.take<LoadedA>(1)) LoadedA;
    tile = carver.take<TileWords>(1);
    words = carver.take<std::uint32_t>(words_count(call));
    partial = new (carver.take<PartialTile>(1)) PartialTile;
    for (std::int64_t k = 0; k < k_tiles(call); ++k) new (in0 + k) LoadedB;
  }
};

}  // namespace

std::size_t matmul_scratch(const KernelCall& call, int threads) {
  return static_cast<std::size_t>(threads) * MatmulWorker::bytes(call);
}

void matmul(const KernelCall& call) {
  const bool transpose = call.as<op::Matmul>().transpose_b;
  const View& a = call.in[0];
  const View& b = call.in[1];
  const View& out = call.out[0];
  const Core& core = core_of(call);
  const bool f32_io = has_f32(call, a) || b.format == Format::f32;
  const Fidelity& fidelity = core.ops.matmul;
  const std::int64_t rows = out.shape[1];
  const std::int64_t depth = a.shape[2];
  const std::int64_t columns = out.shape[2];
  const std::int64_t k_tiles = ceil_div(depth, kTileSide);
  const std::int64_t row_tiles = ceil_div(rows, kTileSide);
  const std::int64_t share = b.shape[0] == 0 ? 1 : a.shape[0] / b.shape[0];
  const TileProduct product{core, fidelity, f32_io, k_tiles, block_width(k_tiles, core.ops.block_tiles)};

  call.context.executor->parallel_for(out.shape[0] * row_tiles, 1, [&](std::int64_t begin, std::int64_t end, int i) {
    const MatmulWorker worker(call, i);
    DstTile dst(core, fidelity, f32_io);
    const Source source = source_of(b.format, dst.accumulator());
    std::uint32_t* row = worker.words + kTileSide * kTileSide * k_tiles;
    // in1 of this task's batch: rows are K, or the outputs of a transposed b.
    const auto load_in1 = [&](std::int64_t batch, std::int64_t k, std::int64_t n) -> const LoadedA& {
      worker.tile->fill(0);
      const std::int64_t first = (transpose ? n : k) * kTileSide;
      const std::int64_t across = (transpose ? k : n) * kTileSide;
      const std::int64_t count = std::min<std::int64_t>(kTileSide, b.shape[1] - first);
      const std::int64_t width = std::min<std::int64_t>(kTileSide, b.shape[2] - across);
      for (int r = 0; r < count; ++r) {
        read_words(b.format, row_at(b, {batch, first + r}), b.shape[2], across, width, core.rules, row);
        for (int c = 0; c < width; ++c)
          (*worker.tile)[static_cast<std::size_t>(transpose ? tile_index(c, r) : tile_index(r, c))] =
              to_source(row[c], b.format, source, core.rules);
      }
      // Words are as Src holds them: read as tf32 they stay so.
      worker.in1->load(*core.kernels, Format::f32, reinterpret_cast<const std::byte*>(worker.tile->data()),
                       Source::kTf32);
      return *worker.in1;
    };
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t batch = task / row_tiles;
      const std::int64_t m = task % row_tiles * kTileSide;
      const int valid = static_cast<int>(std::min<std::int64_t>(kTileSide, rows - m));
      for (int r = 0; r < valid; ++r)
        read_words(a.format, row_at(a, {batch, m + r}), depth, 0, depth, core.rules,
                   worker.words + r * k_tiles * kTileSide);
      for (std::int64_t k = 0; k < k_tiles; ++k)
        load_rows(
            core, a.format, dst.accumulator(), valid, k * kTileSide, depth,
            [&](int r) { return worker.words + r * k_tiles * kTileSide; }, worker.in0[k]);
      for (std::int64_t n = 0; n < ceil_div(columns, kTileSide); ++n) {
        multiply_blocks(
            product, valid, [&](std::int64_t k) -> const LoadedB& { return worker.in0[k]; },
            [&](std::int64_t k) -> const LoadedA& { return load_in1(batch / share, k, n); }, dst, *worker.partial);
        for (int r = 0; r < valid; ++r)
          write_words(out.format, row_at(out, {batch, m + r}), columns, n * kTileSide,
                      std::min<std::int64_t>(kTileSide, columns - n * kTileSide), dst.row(r), dst.accumulator(),
                      core.rules);
      }
    }
  });
}

}  // namespace firstlight::device::tensix
