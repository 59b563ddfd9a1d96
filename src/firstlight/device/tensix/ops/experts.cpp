// Mixtures of experts, from the element-wise kernels: the router's softmax over the experts that count, and a weighted
// row added to its token's.
#include "firstlight/op/experts.h"

#include "firstlight/device/tensix/ops/ops.h"

namespace firstlight::device::tensix {
namespace {

constexpr std::uint32_t kOneScaler = 0x3F800000U;

// Numbers in the order of their values; no NaNs come here.
std::int64_t order_of(std::uint32_t word) {
  if (is_zero(word)) return 0;
  return negative(word) ? -static_cast<std::int64_t>(word & ~kSignBit) : static_cast<std::int64_t>(word);
}

// Marks the `top` largest, the lower index first among equals.
void mark_largest(const std::uint32_t* words, std::int64_t n, std::int32_t top, std::uint32_t* kept) {
  std::fill_n(kept, n, 0U);
  for (std::int32_t k = 0; k < top; ++k) {
    std::int64_t best = -1;
    for (std::int64_t e = 0; e < n; ++e)
      if (kept[e] == 0 && (best < 0 || order_of(words[e]) > order_of(words[best]))) best = e;
    kept[best] = 1;
  }
}

}  // namespace

void route(const KernelCall& call) {
  const auto& args = call.as<op::Route>();
  const View& logits = call.in[0];
  const std::int64_t n = row_length(logits);
  const Rules& rules = core_of(call).rules;
  const Lanes lanes(core_of(call), core_of(call).ops.elementwise, has_f32(call, logits));
  const Sfpu& sfpu = lanes.sfpu();
  const Format buffer = lanes.buffer();
  for_rows(call, row_count(logits), [&](std::int64_t r, const RowBuffers& buffers) {
    auto [words, weights, kept, unused] = buffers.words;
    read_row(logits, r, rules, words);
    mark_largest(words, n, args.top, kept);
    for (std::int64_t e = 0; e < n; ++e) words[e] = lanes.store(lanes.load(words[e], logits.format));
    const std::uint32_t largest = lanes.store(lanes.reduce_max(words, n, buffer));
    for (std::int64_t e = 0; e < n; ++e) {
      const bool counts = kept[e] != 0 || !args.normalise;
      weights[e] = counts ? lanes.store(sfpu.store(sfpu.exp(lanes.add(words[e], buffer, largest, buffer, true)))) : 0U;
    }
    const std::uint32_t sum = lanes.reduce_sum(weights, n, buffer, kOneScaler);
    const std::uint32_t inverse = lanes.store(sfpu.store(sfpu.reciprocal(sum)));
    for (std::int64_t e = 0; e < n; ++e)
      weights[e] = kept[e] != 0 ? lanes.mul(weights[e], buffer, inverse, buffer) : 0U;
    write_row(call.out[0], r, weights, lanes.accumulator(), rules);
  });
}

void add_gathered(const KernelCall& call) {
  const View& x = call.in[0];
  const View& y = call.in[1];
  const View& weight = call.in[2];
  const View& out = call.out[0];
  const auto* index = call.in[3].as<const std::int32_t>();
  const Rules& rules = core_of(call).rules;
  const bool f32_io = has_f32(call, x) || y.format == Format::f32 || weight.format == Format::f32;
  const Lanes lanes(core_of(call), core_of(call).ops.elementwise, f32_io);
  for_rows(call, row_count(out), [&](std::int64_t r, const RowBuffers& buffers) {
    auto [words, added, factor, unused] = buffers.words;
    read_row(x, r, rules, words);
    if (index[r] < 0) {
      for (std::int64_t i = 0; i < row_length(x); ++i) words[i] = lanes.load(words[i], x.format);
    } else {
      read_row(y, index[r], rules, added);
      read_row(weight, r, rules, factor);
      for (std::int64_t i = 0; i < row_length(x); ++i) {
        const std::uint32_t product = lanes.store(lanes.mul(added[i], y.format, factor[0], weight.format));
        words[i] = lanes.add(words[i], x.format, product, lanes.buffer());
      }
    }
    write_row(out, r, words, lanes.accumulator(), rules);
  });
}

}  // namespace firstlight::device::tensix
