// Attention: tasks are (block of rows, KV head); within a block, runs of rows of one sequence.
#include "firstlight/op/attention.h"

#include "firstlight/device/cpu/ops/ops.h"
#include "firstlight/device/cpu/ops/support.h"

namespace firstlight::device::cpu {
namespace {

std::int64_t query_group(const KernelCall& call) { return call.in[0].shape[1] / call.in[1].shape[1]; }

std::int64_t rows_per_block(const KernelCall& call, std::int64_t queries) {
  return std::max<std::int64_t>(1, queries / std::max<std::int64_t>(1, query_group(call)));
}

// As many as a reading of the keys is worth, or fewer where workers would wait for the last; bits do not depend on it.
std::int64_t rows_per_block(const KernelCall& call, const Kernels& kernels) {
  constexpr std::int64_t kBlocksPerWorker = 4;
  constexpr std::int64_t kLeastQueries = 48;
  const std::int64_t rows = row_count(call.out[0]);
  const std::int64_t heads = call.in[1].shape[1];
  std::int64_t queries = kernels.attention.queries;
  while (queries > kLeastQueries &&
         ceil_div(rows, rows_per_block(call, queries)) * heads < kBlocksPerWorker * call.context.executor->threads())
    queries /= 2;
  return rows_per_block(call, queries);
}

std::int64_t attention_stride(const KernelCall& call) {
  return worker_stride(attention_floats(rows_per_block(call, kMostQueries) * query_group(call), row_length(call.in[1]),
                                        row_length(call.in[2])));
}

CacheSide cache_side(const View& cache) {
  CacheCode code = CacheCode::kOther;
  if (cache.format == Format::f32) code = CacheCode::kF32;
  if (cache.format == Format::bf16) code = CacheCode::kBf16;
  if (cache.format == Format::bfp8) code = CacheCode::kBfp8;
  return {.data = cache.as<const std::uint8_t>(),
          .page_stride = axis_bytes(cache, 0),
          .head_stride = axis_bytes(cache, 1),
          .row_stride = axis_bytes(cache, 2),
          .dim = row_length(cache),
          .code = code,
          .decode = row(cache.format).decode};
}

}  // namespace

bool accepts_attention(const KernelCall& call) { return is_activation(call.in[0]) && is_activation(call.out[0]); }

std::size_t attention_scratch(const KernelCall& call, int threads) {
  return static_cast<std::size_t>(attention_stride(call) * threads) * sizeof(float);
}

void attention(const KernelCall& call, const Kernels& kernels) {
  const auto& args = call.as<op::Attention>();
  const View& q = call.in[0];
  const View& out = call.out[0];
  const std::int64_t rows = row_count(out);
  if (rows == 0) return;
  const AttentionTask task{.q = q.as<const std::uint8_t>(),
                           .q_row_stride = axis_bytes(q, 0),
                           .q_head_stride = axis_bytes(q, 1),
                           .q_element = element_of(q),
                           .out = out.as<std::uint8_t>(),
                           .out_row_stride = axis_bytes(out, 0),
                           .out_element = element_of(out),
                           .keys = cache_side(call.in[1]),
                           .values = cache_side(call.in[2]),
                           .sequences = call.in[3].as<const std::int32_t>(),
                           .positions = call.in[4].as<const std::int32_t>(),
                           .table = call.in[5].as<const std::int32_t>(),
                           .table_stride = call.in[5].strides[0],
                           .page_size = call.in[1].shape[2],
                           .group = query_group(call),
                           .window = args.window,
                           .scale = args.scale,
                           .softcap = args.softcap};
  const std::int64_t heads = call.in[1].shape[1];
  const std::int64_t block_rows = rows_per_block(call, kernels);
  auto* scratch = reinterpret_cast<float*>(call.context.scratch.data());
  call.context.executor->parallel_for(
      ceil_div(rows, block_rows) * heads, 1, [&](std::int64_t first, std::int64_t last, int worker) {
        for (std::int64_t i = first; i < last; ++i) {
          const std::int64_t block_end = std::min(rows, (i / heads + 1) * block_rows);
          for (std::int64_t begin = i / heads * block_rows, end = begin; begin < block_end; begin = end) {
            while (end < block_end && task.sequences[end] == task.sequences[begin]) ++end;
            kernels.attention.attention(task, begin, end, i % heads, scratch + worker * attention_stride(call));
          }
        }
      });
}

}  // namespace firstlight::device::cpu
