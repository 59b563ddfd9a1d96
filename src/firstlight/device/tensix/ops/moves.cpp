// Ops that move values: a row is unpacked and packed again where the format changes, else its bytes are copied.
#include <cstring>

#include "firstlight/device/tensix/ops/ops.h"
#include "firstlight/device/tensix/weights.h"
#include "firstlight/op/cache.h"
#include "firstlight/op/linear.h"

namespace firstlight::device::tensix {
namespace {

std::byte* cached_row(const View& cache, const View& table, std::int64_t sequence, std::int64_t position,
                      std::int64_t h) {
  const std::int64_t page_size = cache.shape[2];
  const auto* pages = reinterpret_cast<const std::int32_t*>(row_at(table, sequence));
  return row_at(cache, {pages[position / page_size], h, position % page_size});
}

// One stored row of n into another format's; words of fp32 and bf16 pass through a Dst of their own width.
void move_row(Format from, const std::byte* src, Format to, std::byte* dst, std::int64_t n, const Rules& rules,
              std::uint32_t* words) {
  if (from == to) {
    std::memcpy(dst, src, static_cast<std::size_t>(row_bytes(from, n)));
    return;
  }
  read_words(from, src, n, 0, n, rules, words);
  write_words(to, dst, n, 0, n, words, from == Format::f32 ? Accumulator::kF32 : Accumulator::kBf16, rules);
}

std::int64_t longest_row(const KernelCall& call) {
  std::int64_t longest = 1;
  for (const View& view : call.in) longest = std::max(longest, row_length(view));
  for (const View& view : call.out) longest = std::max(longest, row_length(view));
  return round_up(longest, 32);
}

}  // namespace

std::size_t row_scratch(const KernelCall& call, int threads) {
  return static_cast<std::size_t>(threads) * 4 * Carver::bytes<std::uint32_t>(longest_row(call));
}

RowBuffers row_buffers(const KernelCall& call, int worker) {
  const std::int64_t longest = longest_row(call);
  const std::size_t bytes = 4 * Carver::bytes<std::uint32_t>(longest);
  Carver carver(call.context.scratch.subspan(bytes * static_cast<std::size_t>(worker), bytes));
  RowBuffers buffers;
  for (std::uint32_t*& words : buffers.words) words = carver.take<std::uint32_t>(longest);
  return buffers;
}

bool takes_rows(const KernelCall& call) {
  const auto takes = [](const View& view) {
    return !firstlight::row(view.format).is_float || is_tile_format(view.format);
  };
  return call.context.settings != nullptr && std::ranges::all_of(call.in, takes) &&
         std::ranges::all_of(call.out, takes);
}

void copy(const KernelCall& call) {
  const View& x = call.in[0];
  for_rows(call, row_count(call.out[0]), [&](std::int64_t r, const RowBuffers& buffers) {
    move_row(x.format, row_at(x, r), call.out[0].format, row_at(call.out[0], r), row_length(x), core_of(call).rules,
             buffers.words[0]);
  });
}

void concat(const KernelCall& call) {
  const View& out = call.out[0];
  const Rules& rules = core_of(call).rules;
  const std::int64_t first = row_length(call.in[0]);
  const bool wide = call.in[0].format == Format::f32 || call.in[1].format == Format::f32;
  for_rows(call, row_count(out), [&](std::int64_t r, const RowBuffers& buffers) {
    std::uint32_t* words = buffers.words[0];
    if (first > 0) read_row(call.in[0], r, rules, words);
    if (row_length(call.in[1]) > 0) read_row(call.in[1], r, rules, words + first);
    write_row(out, r, words, wide ? Accumulator::kF32 : Accumulator::kBf16, rules);
  });
}

void gather_rows(const KernelCall& call) {
  const View& x = call.in[0];
  const View& out = call.out[0];
  const auto* index = call.in[1].as<const std::int32_t>();
  const std::int64_t inner = out.shape[0] == 0 ? 1 : out.shape.rows() / out.shape[0];
  for_rows(call, row_count(out), [&](std::int64_t r, const RowBuffers& buffers) {
    move_row(x.format, row_at(x, index[r / inner] * inner + r % inner), out.format, row_at(out, r), row_length(x),
             core_of(call).rules, buffers.words[0]);
  });
}

void cache_append(const KernelCall& call) {
  const View& x = call.in[0];
  const View& cache = call.out[0];
  const auto* sequences = call.in[1].as<const std::int32_t>();
  const auto* positions = call.in[2].as<const std::int32_t>();
  const std::int64_t heads = x.shape[1];
  for_rows(call, row_count(x), [&](std::int64_t i, const RowBuffers& buffers) {
    const std::int64_t r = i / heads;
    move_row(x.format, row_at(x, i), cache.format, cached_row(cache, call.in[3], sequences[r], positions[r], i % heads),
             row_length(x), core_of(call).rules, buffers.words[0]);
  });
}

void cache_gather(const KernelCall& call) {
  const auto& args = call.as<op::CacheGather>();
  const View& cache = call.in[0];
  const View& out = call.out[0];
  for_rows(call, row_count(out), [&](std::int64_t i, const RowBuffers& buffers) {
    move_row(cache.format, cached_row(cache, call.in[1], args.sequence, i % args.length, i / args.length), out.format,
             row_at(out, i), row_length(out), core_of(call).rules, buffers.words[0]);
  });
}

// A table's rows are read as they lie; of a tied head's tiles, the column of each id.
void embedding(const KernelCall& call) {
  const View& table = call.in[0];
  const View& out = call.out[0];
  const Rules& rules = core_of(call).rules;
  const auto* ids = call.in[1].as<const std::int32_t>();
  const std::int64_t n = row_length(out);
  if (!call.as<op::Embedding>().tied) {
    const std::int64_t stored = row_bytes(table.format, n);
    for_rows(call, row_count(out), [&](std::int64_t r, const RowBuffers& buffers) {
      move_row(table.format, table.data + ids[r] * stored, out.format, row_at(out, r), n, rules, buffers.words[0]);
    });
    return;
  }
  const std::int64_t k_tiles = ceil_div(n, kTileSide);
  const std::int64_t bytes = tile_bytes(table.format);
  for_rows(call, row_count(out), [&](std::int64_t r, const RowBuffers& buffers) {
    TileWords words;
    const std::int64_t column = ids[r];
    for (std::int64_t k = 0; k < k_tiles; ++k) {
      const std::byte* tile = weight_tile(table, k, column / kTileSide, bytes, k_tiles);
      unpack_tile(table.format, {tile, static_cast<std::size_t>(bytes)}, Source::kTf32, rules, words);
      if (table.format == Format::f32) unpack_to_dst({tile, static_cast<std::size_t>(bytes)}, words);
      for (int i = 0; i < kTileSide; ++i)
        buffers.words[0][k * kTileSide + i] =
            words[static_cast<std::size_t>(tile_index(i, static_cast<int>(column % kTileSide)))];
    }
    write_row(out, r, buffers.words[0], table.format == Format::f32 ? Accumulator::kF32 : Accumulator::kBf16, rules);
  });
}

}  // namespace firstlight::device::tensix
