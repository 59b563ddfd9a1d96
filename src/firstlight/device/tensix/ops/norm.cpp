// Norms along rows, each step through L1: squares, their mean by a reduction with the scaler 1/n in bf16, eps added,
// the reciprocal root, the products with it and with the weight.
#include "firstlight/op/norm.h"

#include <bit>

#include "firstlight/device/tensix/ops/ops.h"

namespace firstlight::device::tensix {
namespace {

// words (in the lanes' buffer) * 1 / sqrt(mean(words^2) + eps), in place; `squares` is scratch.
void normalise(const Lanes& lanes, float eps, std::int64_t n, std::uint32_t* words, std::uint32_t* squares) {
  const Format buffer = lanes.buffer();
  for (std::int64_t i = 0; i < n; ++i) squares[i] = lanes.store(lanes.mul(words[i], buffer, words[i], buffer));
  const std::uint32_t scaler = host_bf16(1.0F / static_cast<float>(n));
  const std::uint32_t mean = lanes.store(lanes.reduce_sum(squares, n, buffer, scaler));
  const std::uint32_t sum = lanes.add(mean, buffer, host_bf16(eps), Format::bf16);
  const std::uint32_t root = lanes.store(lanes.sfpu().store(lanes.sfpu().rsqrt(sum)));
  for (std::int64_t i = 0; i < n; ++i) words[i] = lanes.store(lanes.mul(words[i], buffer, root, buffer));
}

// A row as the lanes' buffer holds it.
void read_buffer(const View& x, std::int64_t r, const Lanes& lanes, const Rules& rules, std::uint32_t* words) {
  read_row(x, r, rules, words);
  for (std::int64_t i = 0; i < row_length(x); ++i) words[i] = lanes.store(lanes.load(words[i], x.format));
}

}  // namespace

void rms_norm(const KernelCall& call) {
  const auto& args = call.as<op::RmsNorm>();
  const View& x = call.in[0];
  const auto* weight = call.in[1].as<const float>();
  const Rules& rules = core_of(call).rules;
  const std::int64_t n = row_length(x);
  const Lanes lanes(core_of(call), core_of(call).ops.norm, has_f32(call, x));
  for_rows(call, row_count(x), [&](std::int64_t r, const RowBuffers& buffers) {
    std::uint32_t* words = buffers.words[0];
    read_buffer(x, r, lanes, rules, words);
    normalise(lanes, args.eps, n, words, buffers.words[1]);
    for (std::int64_t i = 0; i < n; ++i)
      words[i] = lanes.mul(words[i], lanes.buffer(), host_bf16(weight[i] + args.weight_offset), Format::bf16);
    write_row(call.out[0], r, words, lanes.accumulator(), rules);
  });
}

void layer_norm(const KernelCall& call) {
  const auto& args = call.as<op::LayerNorm>();
  const View& x = call.in[0];
  const auto* weight = call.in[1].as<const float>();
  const auto* bias = call.in.size() > 2 ? call.in[2].as<const float>() : nullptr;
  const Rules& rules = core_of(call).rules;
  const std::int64_t n = row_length(x);
  const Lanes lanes(core_of(call), core_of(call).ops.norm, has_f32(call, x));
  const Format buffer = lanes.buffer();
  const std::uint32_t scaler = host_bf16(1.0F / static_cast<float>(n));
  for_rows(call, row_count(x), [&](std::int64_t r, const RowBuffers& buffers) {
    std::uint32_t* words = buffers.words[0];
    read_buffer(x, r, lanes, rules, words);
    const std::uint32_t mean = lanes.store(lanes.reduce_sum(words, n, buffer, scaler));
    for (std::int64_t i = 0; i < n; ++i) words[i] = lanes.store(lanes.add(words[i], buffer, mean, buffer, true));
    normalise(lanes, args.eps, n, words, buffers.words[1]);
    for (std::int64_t i = 0; i < n; ++i) {
      words[i] = lanes.mul(words[i], buffer, host_bf16(weight[i]), Format::bf16);
      if (bias != nullptr) words[i] = lanes.add(lanes.store(words[i]), buffer, host_bf16(bias[i]), Format::bf16);
    }
    write_row(call.out[0], r, words, lanes.accumulator(), rules);
  });
}

}  // namespace firstlight::device::tensix
