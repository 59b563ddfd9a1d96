// Ops that move rows: embedding, copy, concat, gather, and the pages of a cache.
#include <cstring>

#include "firstlight/device/cpu/ops/ops.h"
#include "firstlight/device/cpu/ops/support.h"
#include "firstlight/device/cpu/pack.h"
#include "firstlight/op/cache.h"
#include "firstlight/op/elementwise.h"
#include "firstlight/op/linear.h"
#include "firstlight/op/rows.h"

namespace firstlight::device::cpu {
namespace {

std::int64_t longest_row(const KernelCall& call) {
  std::int64_t longest = 0;
  for (const View& view : call.in) longest = std::max(longest, row_length(view));
  for (const View& view : call.out) longest = std::max(longest, row_length(view));
  return longest;
}

// The row buffer of a worker.
float* row_buffer(const KernelCall& call, int worker) {
  return reinterpret_cast<float*>(call.context.scratch.data()) + worker * buffer_floats(longest_row(call));
}

// A stored row to another of the same length, whatever their formats.
void move_row(const Kernels& kernels, const View& from, const std::byte* src, const View& to, std::byte* dst,
              std::int64_t n, float* buffer) {
  if (from.format == to.format) {
    if (n > 0) std::memcpy(dst, src, static_cast<std::size_t>(row_bytes(from.format, n)));
    return;
  }
  const bool from_plain = from.format == Format::f32 || from.format == Format::bf16;
  const bool to_plain = to.format == Format::f32 || to.format == Format::bf16;
  if (from_plain && to_plain) return kernels.rows.convert({src, element_of(from)}, {dst, element_of(to)}, n);
  row(from.format).decode(src, n, buffer);
  row(to.format).encode(buffer, n, dst);
}

std::byte* cache_row(const View& cache, const View& table, std::int64_t sequence, std::int64_t head,
                     std::int64_t position) {
  const std::int64_t page_size = cache.shape[2];
  const std::int64_t page = table.as<const std::int32_t>()[sequence * table.strides[0] + position / page_size];
  return cache.data + page * axis_bytes(cache, 0) + head * axis_bytes(cache, 1) +
         position % page_size * axis_bytes(cache, 2);
}

}  // namespace

std::size_t row_scratch(const KernelCall& call, int threads) {
  return static_cast<std::size_t>(buffer_floats(longest_row(call)) * threads) * sizeof(float);
}

bool accepts_activations(const KernelCall& call) {
  const auto fits = [](const View& view) { return !row(view.format).is_float || is_activation(view); };
  return std::ranges::all_of(call.in, fits) && std::ranges::all_of(call.out, fits);
}
bool accepts_embedding(const KernelCall& call) { return is_activation(call.out[0]); }

void embedding(const KernelCall& call, const Kernels& kernels) {
  const View& table = call.in[0];
  const auto* ids = call.in[1].as<const std::int32_t>();
  const View& out = call.out[0];
  const Rows out_rows(out);
  const std::int64_t n = row_length(out);
  const bool tied = call.as<op::Embedding>().tied;
  for_rows(call, row_count(out), n, [&](std::int64_t r, int worker) {
    if (tied) {
      float* column = row_buffer(call, worker);
      unpack_column(panel_weight(table), ids[r], column);
      kernels.rows.convert(f32_source(column), out_rows.sink(r), n);
    } else {
      const std::byte* stored = table.data + ids[r] * row_bytes(table.format, n);
      move_row(kernels, table, stored, out, out_rows.at(r), n, row_buffer(call, worker));
    }
  });
}

void copy(const KernelCall& call, const Kernels& kernels) {
  const Rows x(call.in[0]);
  const Rows out(call.out[0]);
  const std::int64_t n = row_length(call.in[0]);
  for_rows(call, row_count(call.in[0]), n, [&](std::int64_t r, int worker) {
    move_row(kernels, call.in[0], x.at(r), call.out[0], out.at(r), n, row_buffer(call, worker));
  });
}

void concat(const KernelCall& call, const Kernels& kernels) {
  const Rows a(call.in[0]);
  const Rows b(call.in[1]);
  const Rows out(call.out[0]);
  const std::int64_t m = row_length(call.in[0]);
  const std::int64_t n = row_length(call.in[1]);
  for_rows(call, row_count(call.out[0]), m + n, [&](std::int64_t r, int) {
    if (m > 0) kernels.rows.convert(a.source(r), out.sink(r), m);
    if (n > 0) kernels.rows.convert(b.source(r), from(out.sink(r), m), n);
  });
}

void gather_rows(const KernelCall& call, const Kernels& kernels) {
  const View& x = call.in[0];
  const View& out = call.out[0];
  const auto* index = call.in[1].as<const std::int32_t>();
  if (x.shape.rank() == 1) {  // rows of one element
    for (std::int64_t i = 0; i < out.shape[0]; ++i)
      kernels.rows.convert(from(Source{x.data, element_of(x)}, index[i]), from(Sink{out.data, element_of(out)}, i), 1);
    return;
  }
  const Rows x_rows(x);
  const Rows out_rows(out);
  const std::int64_t n = row_length(x);
  const std::int64_t inner = out.shape[0] == 0 ? 0 : row_count(out) / out.shape[0];  // rows of an indexed item
  for_rows(call, row_count(out), n, [&](std::int64_t r, int) {
    kernels.rows.convert(x_rows.source(index[r / inner] * inner + r % inner), out_rows.sink(r), n);
  });
}

void cache_append(const KernelCall& call, const Kernels& kernels) {
  const View& x = call.in[0];
  const View& cache = call.out[0];
  const Rows x_rows(x);
  const auto* sequences = call.in[1].as<const std::int32_t>();
  const auto* positions = call.in[2].as<const std::int32_t>();
  const std::int64_t heads = x.shape[1];
  const std::int64_t n = row_length(x);
  for_rows(call, row_count(x), n, [&](std::int64_t i, int worker) {
    const std::int64_t r = i / heads;
    move_row(kernels, x, x_rows.at(i), cache, cache_row(cache, call.in[3], sequences[r], i % heads, positions[r]), n,
             row_buffer(call, worker));
  });
}

void cache_gather(const KernelCall& call, const Kernels& kernels) {
  const auto& args = call.as<op::CacheGather>();
  const View& cache = call.in[0];
  const View& out = call.out[0];
  const Rows out_rows(out);
  const std::int64_t n = row_length(out);
  for_rows(call, row_count(out), n, [&](std::int64_t i, int worker) {
    const std::int64_t head = i / args.length;
    move_row(kernels, cache, cache_row(cache, call.in[1], args.sequence, head, i % args.length), out, out_rows.at(i), n,
             row_buffer(call, worker));
  });
}

}  // namespace firstlight::device::cpu
