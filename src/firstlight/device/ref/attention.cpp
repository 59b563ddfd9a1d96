// out[r, h, :] = softmax_t(q[r, h] . k[t] * scale) v[t], t in the row's window, exactly: scores of all positions first,
// then one softmax over them, then the sum over t ascending; all in double.
#include "firstlight/op/attention.h"

#include <cmath>
#include <limits>

#include "firstlight/device/ref/kernels.h"
#include "firstlight/device/ref/product.h"
#include "firstlight/device/ref/rows.h"

namespace firstlight::device::ref {
namespace {

constexpr std::int64_t kQueries = 32;  // queries that share one pass over the cached rows of their KV head

struct Extent {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

struct Problem {
  const op::Attention& args;
  const View& q;
  const View& keys;
  const View& values;
  const std::int32_t* sequences;
  const std::int32_t* positions;
  const View& table;
  std::int64_t rows, heads, kv_heads, head_dim, value_dim, page_size;
  std::int64_t group;           // query heads of a KV head
  std::int64_t rows_per_block;  // rows of one task

  explicit Problem(const KernelCall& call)
      : args(call.as<op::Attention>()),
        q(call.in[0]),
        keys(call.in[1]),
        values(call.in[2]),
        sequences(call.in[3].as<const std::int32_t>()),
        positions(call.in[4].as<const std::int32_t>()),
        table(call.in[5]),
        rows(q.shape[0]),
        heads(q.shape[1]),
        kv_heads(keys.shape[1]),
        head_dim(q.shape[2]),
        value_dim(values.shape[3]),
        page_size(keys.shape[2]),
        group(heads / kv_heads),
        rows_per_block(std::max<std::int64_t>(1, kQueries / std::max<std::int64_t>(1, group))) {}

  std::int64_t block_queries() const { return rows_per_block * group; }

  // The positions that row r attends to.
  Extent extent(std::int64_t r) const {
    const std::int64_t end = std::int64_t{positions[r]} + 1;
    return {args.window > 0 ? std::max<std::int64_t>(0, end - args.window) : 0, end};
  }

  void read_cached(const View& cache, std::int64_t sequence, std::int64_t t, std::int64_t kv_head, float* dst) const {
    const auto* pages = reinterpret_cast<const std::int32_t*>(row_at(table, sequence));
    row(cache.format).decode(row_at(cache, {pages[t / page_size], kv_head, t % page_size}), row_length(cache), dst);
  }

  double score(double product) const {
    const double scaled = product * args.scale;
    return args.softcap > 0 ? args.softcap * std::tanh(scaled / args.softcap) : scaled;
  }
};

// Scratch of one worker, for a block of queries.
struct Buffers {
  float* cached;    // [max(D, Dv)]
  double* queries;  // [D, queries]: transposed, so that one key meets all queries in a row of memory
  double* scores;   // [max_context, queries]
  double* values;   // [Dv]
  double* sums;     // [queries, Dv]

  Buffers(std::span<std::byte> scratch, const Problem& problem) {
    Carver carver(scratch);
    cached = carver.take<float>(std::max(problem.head_dim, problem.value_dim));
    queries = carver.take<double>(problem.head_dim * problem.block_queries());
    scores = carver.take<double>(problem.args.max_context * problem.block_queries());
    values = carver.take<double>(problem.value_dim);
    sums = carver.take<double>(problem.block_queries() * problem.value_dim);
  }
  static std::size_t bytes(const Problem& problem) {
    return Carver::bytes<float>(std::max(problem.head_dim, problem.value_dim)) +
           Carver::bytes<double>(problem.head_dim * problem.block_queries()) +
           Carver::bytes<double>(problem.args.max_context * problem.block_queries()) +
           Carver::bytes<double>(problem.value_dim) +
           Carver::bytes<double>(problem.block_queries() * problem.value_dim);
  }
};

// The products q . k of one query become its softmax weights.
void softmax_in_place(const Problem& problem, double* scores, std::int64_t stride, std::int64_t count) {
  double largest = -std::numeric_limits<double>::infinity();
  for (std::int64_t t = 0; t < count; ++t) {
    scores[t * stride] = problem.score(scores[t * stride]);
    largest = std::max(largest, scores[t * stride]);
  }
  double sum = 0;
  for (std::int64_t t = 0; t < count; ++t) sum += scores[t * stride] = std::exp(scores[t * stride] - largest);
  for (std::int64_t t = 0; t < count; ++t) scores[t * stride] /= sum;
}

// Rows [begin, end), all of one sequence, for one KV head. Query j is row begin + j / group, head j % group of the
// group. `result` is [R, Hq * Dv].
void attend(const Problem& problem, std::int64_t begin, std::int64_t end, std::int64_t kv_head, const Buffers& buffers,
            float* result) {
  const std::int64_t sequence = problem.sequences[begin];
  const std::int64_t queries = (end - begin) * problem.group;
  Extent all = problem.extent(begin);
  for (std::int64_t r = begin + 1; r < end; ++r) {
    all.begin = std::min(all.begin, problem.extent(r).begin);
    all.end = std::max(all.end, problem.extent(r).end);
  }

  for (std::int64_t j = 0; j < queries; ++j) {
    const std::int64_t head = kv_head * problem.group + j % problem.group;
    row(problem.q.format)
        .decode(row_at(problem.q, {begin + j / problem.group, head}), problem.head_dim, buffers.cached);
    for (std::int64_t d = 0; d < problem.head_dim; ++d) buffers.queries[d * queries + j] = buffers.cached[d];
  }
  std::fill_n(buffers.scores, (all.end - all.begin) * queries, 0.0);
  for (std::int64_t t = all.begin; t < all.end; ++t) {
    problem.read_cached(problem.keys, sequence, t, kv_head, buffers.cached);
    multiply_add(buffers.cached, 0, buffers.queries, 1, problem.head_dim, queries,
                 buffers.scores + (t - all.begin) * queries);
  }

  for (std::int64_t j = 0; j < queries; ++j) {
    const Extent extent = problem.extent(begin + j / problem.group);
    softmax_in_place(problem, buffers.scores + (extent.begin - all.begin) * queries + j, queries,
                     extent.end - extent.begin);
  }
  std::fill_n(buffers.sums, queries * problem.value_dim, 0.0);
  for (std::int64_t t = all.begin; t < all.end; ++t) {
    problem.read_cached(problem.values, sequence, t, kv_head, buffers.cached);
    std::copy_n(buffers.cached, problem.value_dim, buffers.values);
    for (std::int64_t j = 0; j < queries; ++j) {
      const Extent extent = problem.extent(begin + j / problem.group);
      if (t < extent.begin || t >= extent.end) continue;  // the query does not see t, whatever is stored there
      const double weight = buffers.scores[(t - all.begin) * queries + j];
      double* sums = buffers.sums + j * problem.value_dim;
      for (std::int64_t d = 0; d < problem.value_dim; ++d) sums[d] += weight * buffers.values[d];
    }
  }
  for (std::int64_t j = 0; j < queries; ++j) {
    const std::int64_t head = kv_head * problem.group + j % problem.group;
    float* out = result + ((begin + j / problem.group) * problem.heads + head) * problem.value_dim;
    std::copy_n(buffers.sums + j * problem.value_dim, problem.value_dim, out);
  }
}

std::size_t result_bytes(const Problem& problem) {
  return Carver::bytes<float>(problem.rows * problem.heads * problem.value_dim);
}

}  // namespace

std::size_t attention_scratch(const KernelCall& call, int threads) {
  const Problem problem(call);
  return result_bytes(problem) + Buffers::bytes(problem) * static_cast<std::size_t>(threads);
}

// Tasks are (block of rows, KV head). Their results meet in f32 rows, since a row of a block format is encoded whole.
void attention(const KernelCall& call) {
  const Problem problem(call);
  auto* result = reinterpret_cast<float*>(call.context.scratch.data());
  const std::span<std::byte> workers = call.context.scratch.subspan(result_bytes(problem));
  const std::size_t worker_bytes = Buffers::bytes(problem);
  const std::int64_t blocks = ceil_div(problem.rows, problem.rows_per_block);
  call.context.executor->parallel_for(
      blocks * problem.kv_heads, 1, [&](std::int64_t first, std::int64_t last, int worker) {
        const Buffers buffers(workers.subspan(worker_bytes * static_cast<std::size_t>(worker)), problem);
        for (std::int64_t task = first; task < last; ++task) {
          const std::int64_t block = task / problem.kv_heads * problem.rows_per_block;
          const std::int64_t block_end = std::min(problem.rows, block + problem.rows_per_block);
          for (std::int64_t begin = block, end = block; begin < block_end; begin = end) {  // runs of one sequence
            while (end < block_end && problem.sequences[end] == problem.sequences[begin]) ++end;
            attend(problem, begin, end, task % problem.kv_heads, buffers, result);
          }
        }
      });
  const View& out = call.out[0];
  call.context.executor->parallel_for(row_count(out), 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t r = begin; r < end; ++r) write_row(out, r, result + r * row_length(out));
  });
}

}  // namespace firstlight::device::ref
