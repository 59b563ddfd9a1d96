// Ops that move values: copy, concat, gathered rows, cache pages. A value changes only by the format it is stored in.
#include "firstlight/device/ref/kernels.h"
#include "firstlight/device/ref/rows.h"
#include "firstlight/op/cache.h"

namespace firstlight::device::ref {
namespace {

// The cached row of head h at a position of a sequence.
std::byte* cached_row(const View& cache, const View& table, std::int64_t sequence, std::int64_t position,
                      std::int64_t h) {
  const std::int64_t page_size = cache.shape[2];
  const auto* pages = reinterpret_cast<const std::int32_t*>(row_at(table, sequence));
  return row_at(cache, {pages[position / page_size], h, position % page_size});
}

}  // namespace

void copy(const KernelCall& call) {
  for_rows(call, row_count(call.out[0]), [&](std::int64_t r, const RowBuffers& buffers) {
    read_row(call.in[0], r, buffers.in[0]);
    write_row(call.out[0], r, buffers.in[0]);
  });
}

void concat(const KernelCall& call) {
  const std::int64_t first = row_length(call.in[0]);
  const std::int64_t second = row_length(call.in[1]);
  for_rows(call, row_count(call.out[0]), [&](std::int64_t r, const RowBuffers& buffers) {
    if (first > 0) read_row(call.in[0], r, buffers.out);
    if (second > 0) read_row(call.in[1], r, buffers.out + first);
    write_row(call.out[0], r, buffers.out);
  });
}

void gather_rows(const KernelCall& call) {
  const View& x = call.in[0];
  const auto* index = call.in[1].as<const std::int32_t>();
  const View& out = call.out[0];
  const std::int64_t inner =
      out.shape[0] == 0 ? 1 : out.shape.rows() / out.shape[0];  // rows of the last axis per index
  for_rows(call, row_count(out), [&](std::int64_t r, const RowBuffers& buffers) {
    read_row(x, index[r / inner] * inner + r % inner, buffers.in[0]);
    write_row(out, r, buffers.in[0]);
  });
}

// cache[table[seq[r], pos[r] / page], h, pos[r] % page, :] = x[r, h, :]
void cache_append(const KernelCall& call) {
  const View& x = call.in[0];
  const auto* sequences = call.in[1].as<const std::int32_t>();
  const auto* positions = call.in[2].as<const std::int32_t>();
  const View& cache = call.out[0];
  const std::int64_t heads = x.shape[1];
  for_rows(call, row_count(x), [&](std::int64_t index, const RowBuffers& buffers) {
    const std::int64_t r = index / heads;
    read_row(x, index, buffers.in[0]);
    row(cache.format)
        .encode(buffers.in[0], x.shape[2], cached_row(cache, call.in[3], sequences[r], positions[r], index % heads));
  });
}

// out[h, t, :] = the cached row of position t of the sequence
void cache_gather(const KernelCall& call) {
  const auto& args = call.as<op::CacheGather>();
  const View& cache = call.in[0];
  const View& out = call.out[0];
  for_rows(call, row_count(out), [&](std::int64_t index, const RowBuffers& buffers) {
    const std::byte* stored = cached_row(cache, call.in[1], args.sequence, index % args.length, index / args.length);
    row(cache.format).decode(stored, out.shape[2], buffers.out);
    write_row(out, index, buffers.out);
  });
}

}  // namespace firstlight::device::ref
