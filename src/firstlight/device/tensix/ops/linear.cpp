// x W + bias: rows of x as tiles of in0, loaded once; tile columns of W in parallel.
#include "firstlight/op/linear.h"

#include <new>

#include "firstlight/device/tensix/ops/ops.h"
#include "firstlight/device/tensix/ops/product.h"
#include "firstlight/device/tensix/weights.h"

namespace firstlight::device::tensix {
namespace {

constexpr std::int64_t kPassRows = 256;  // rows whose tiles are in scratch at a time

struct LinearProblem {
  const KernelCall& call;
  const View& x;
  const View& weight;
  const View& out;
  std::int64_t rows, depth, columns, k_tiles, n_tiles;
  std::int64_t pass_rows;
  bool f32_io;
  Fidelity fidelity;

  explicit LinearProblem(const KernelCall& c)
      : call(c),
        x(c.in[0]),
        weight(c.in[1]),
        out(c.out[0]),
        rows(row_count(out)),
        depth(row_length(x)),
        columns(row_length(out)),
        k_tiles(ceil_div(depth, kTileSide)),
        n_tiles(ceil_div(columns, kTileSide)),
        pass_rows(std::min(round_up(std::max<std::int64_t>(rows, 1), kTileSide), kPassRows)),
        f32_io(has_f32(c, c.in[0])),
        fidelity(settings_of(c).asked.value_or(core_of(c).ops.linear)) {}

  std::int64_t in0_tiles() const { return pass_rows / kTileSide * k_tiles; }
};

struct LinearWorker {
  LoadedA* in1;          // [k_tiles]
  std::uint32_t* words;  // [K] or [32]
  PartialTile* partial;

  static std::size_t bytes(const LinearProblem& problem) {
    return Carver::bytes<LoadedA>(problem.k_tiles) +
           Carver::bytes<std::uint32_t>(round_up(problem.depth, kTileSide) * kTileSide) + Carver::bytes<PartialTile>(1);
  }
  LinearWorker(std::span<std::byte> scratch, const LinearProblem& problem) {
    Carver carver(scratch);
    in1 = carver.take<LoadedA>(problem.k_tiles);
    words = carver.take<std::uint32_t>(round_up(problem.depth, kTileSide) * kTileSide);
    partial = carver.take<PartialTile>(1);
  }
};

// The bias joins by an element-wise addition after the sums have gone through L1.
void add_bias(const LinearProblem& problem, const Lanes& lanes, const float* bias, std::int64_t column, int rows,
              DstTile& dst) {
  for (int r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < std::min<std::int64_t>(kTileSide, problem.columns - column); ++c) {
      std::uint32_t& word = dst.row(r)[c];
      word = lanes.add(lanes.store(word), lanes.buffer(), host_bf16(bias[column + c]), Format::bf16);
    }
}

}  // namespace

std::size_t linear_scratch(const KernelCall& call, int threads) {
  const LinearProblem problem(call);
  return Carver::bytes<LoadedB>(problem.in0_tiles()) + static_cast<std::size_t>(threads) * LinearWorker::bytes(problem);
}

void linear(const KernelCall& call) {
  const LinearProblem problem(call);
  const Core& core = core_of(call);
  const auto* bias = call.in.size() > 2 ? call.in[2].as<const float>() : nullptr;
  const Lanes lanes(core, problem.fidelity, problem.f32_io || core.fast);
  const TileProduct product{core, problem.fidelity, problem.f32_io, problem.k_tiles,
                            block_width(problem.k_tiles, core.ops.block_tiles)};
  const std::int64_t bytes = tile_bytes(problem.weight.format);
  const Source weight_source = source_of(problem.weight.format, lanes.accumulator());
  Carver carver(call.context.scratch);
  auto* in0 = carver.take<LoadedB>(problem.in0_tiles());
  const std::size_t used = Carver::bytes<LoadedB>(problem.in0_tiles());
  const auto worker_of = [&](int index) {
    const std::size_t size = LinearWorker::bytes(problem);
    return LinearWorker(call.context.scratch.subspan(used + size * static_cast<std::size_t>(index), size), problem);
  };

  for (std::int64_t pass = 0; pass < problem.rows; pass += problem.pass_rows) {
    const std::int64_t pass_rows = std::min(problem.pass_rows, problem.rows - pass);
    const std::int64_t row_tiles = ceil_div(pass_rows, kTileSide);
    const auto rows_of = [&](std::int64_t m) {
      return static_cast<int>(std::min<std::int64_t>(kTileSide, pass_rows - m * kTileSide));
    };
    call.context.executor->parallel_for(row_tiles, 1, [&](std::int64_t begin, std::int64_t end, int index) {
      const LinearWorker worker = worker_of(index);
      const std::int64_t stride = round_up(problem.depth, kTileSide);
      for (std::int64_t m = begin; m < end; ++m) {
        for (int r = 0; r < rows_of(m); ++r)
          read_row(problem.x, pass + m * kTileSide + r, core.rules, worker.words + r * stride);
        for (std::int64_t k = 0; k < problem.k_tiles; ++k)
          load_rows(
              core, problem.x.format, lanes.accumulator(), rows_of(m), k * kTileSide, problem.depth,
              [&](int r) { return worker.words + r * stride; }, *new (in0 + m * problem.k_tiles + k) LoadedB);
      }
    });
    call.context.executor->parallel_for(problem.n_tiles, 1, [&](std::int64_t begin, std::int64_t end, int index) {
      const LinearWorker worker = worker_of(index);
      DstTile dst(core, problem.fidelity, problem.f32_io);
      for (std::int64_t n = begin; n < end; ++n) {
        for (std::int64_t k = 0; k < problem.k_tiles; ++k)
          (new (worker.in1 + k) LoadedA)
              ->load(*core.kernels, problem.weight.format, weight_tile(problem.weight, k, n, bytes, problem.k_tiles),
                     weight_source);
        for (std::int64_t m = 0; m < row_tiles; ++m) {
          multiply_blocks(
              product, rows_of(m), [&](std::int64_t k) -> const LoadedB& { return in0[m * problem.k_tiles + k]; },
              [&](std::int64_t k) -> const LoadedA& { return worker.in1[k]; }, dst, *worker.partial);
          if (bias != nullptr) add_bias(problem, lanes, bias, n * kTileSide, rows_of(m), dst);
          for (int r = 0; r < rows_of(m); ++r)
            write_words(problem.out.format, row_at(problem.out, pass + m * kTileSide + r), problem.columns,
                        n * kTileSide, std::min<std::int64_t>(kTileSide, problem.columns - n * kTileSide), dst.row(r),
                        dst.accumulator(), core.rules);
        }
      }
    });
  }
}

}  // namespace firstlight::device::tensix
