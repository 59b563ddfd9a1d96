// The device's kernels, one for each op, with the scratch they need. The table that lists them is tensix.cpp.
#pragma once

#include "firstlight/device/tensix/lanes.h"
#include "firstlight/device/tensix/matrix.h"

namespace firstlight::device::tensix {

void embedding(const KernelCall& call);
void linear(const KernelCall& call);
void matmul(const KernelCall& call);
void binary(const KernelCall& call);
void unary(const KernelCall& call);
void affine(const KernelCall& call);
void reduce(const KernelCall& call);
void softmax(const KernelCall& call);
void copy(const KernelCall& call);
void concat(const KernelCall& call);
void gather_rows(const KernelCall& call);
void cache_append(const KernelCall& call);
void cache_gather(const KernelCall& call);
void rms_norm(const KernelCall& call);
void layer_norm(const KernelCall& call);
void rope(const KernelCall& call);
void gated(const KernelCall& call);
void attention(const KernelCall& call);
void route(const KernelCall& call);
void add_gathered(const KernelCall& call);

std::size_t linear_scratch(const KernelCall& call, int threads);
std::size_t matmul_scratch(const KernelCall& call, int threads);
std::size_t attention_scratch(const KernelCall& call, int threads);
// Four rows of words a worker, as long as the longest last axis of the operands.
std::size_t row_scratch(const KernelCall& call, int threads);

// Layouts and formats that the kernels read: rows; a weight in its role's place.
bool takes_rows(const KernelCall& call);

inline const KernelSettings& settings_of(const KernelCall& call) {
  return *static_cast<const KernelSettings*>(call.context.settings);
}
inline const Core& core_of(const KernelCall& call) { return *settings_of(call).core; }
inline bool has_f32(const KernelCall& call, const View& x) {
  return x.format == Format::f32 || call.out[0].format == Format::f32;
}

struct RowBuffers {
  std::array<std::uint32_t*, 4> words;
};
RowBuffers row_buffers(const KernelCall& call, int worker);

// body(r, buffers) for every r in [0, rows), in parallel.
template <typename Body>
void for_rows(const KernelCall& call, std::int64_t rows, const Body& body) {
  call.context.executor->parallel_for(rows, 1, [&](std::int64_t begin, std::int64_t end, int worker) {
    const RowBuffers buffers = row_buffers(call, worker);
    for (std::int64_t r = begin; r < end; ++r) body(r, buffers);
  });
}

inline void read_row(const View& view, std::int64_t index, const Rules& rules, std::uint32_t* words) {
  const std::int64_t n = row_length(view);
  read_words(view.format, row_at(view, index), n, 0, n, rules, words);
}
inline void write_row(const View& view, std::int64_t index, const std::uint32_t* words, Accumulator accumulator,
                      const Rules& rules) {
  const std::int64_t n = row_length(view);
  write_words(view.format, row_at(view, index), n, 0, n, words, accumulator, rules);
}

}  // namespace firstlight::device::tensix
