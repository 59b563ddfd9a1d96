// Element-wise ops and reductions along rows: FPU instructions, or an SFPU kernel between unpack and pack.
#include "firstlight/op/elementwise.h"

#include <bit>

#include "firstlight/device/tensix/ops/ops.h"

namespace firstlight::device::tensix {
namespace {

std::uint32_t f32_word(float x) { return std::bit_cast<std::uint32_t>(x); }

Lanes elementwise_lanes(const KernelCall& call, const View& x) {
  return {core_of(call), core_of(call).ops.elementwise, has_f32(call, x)};
}

// Where the row of b that meets row r of a begins, b broadcast along outer axes.
const std::byte* broadcast_row(const View& b, const Shape& shape, std::int64_t r) {
  std::int64_t offset = 0;
  for (int axis = 2; axis <= shape.rank(); ++axis) {
    const std::int64_t index = r % shape[-axis];
    r /= shape[-axis];
    if (axis > b.shape.rank() || b.shape[-axis] == 1) continue;
    offset += index * b.strides[static_cast<std::size_t>(b.shape.rank() - axis)];
  }
  const FormatRow& format = row(b.format);
  return b.data + offset / format.block_elements * format.block_bytes;
}

}  // namespace

// in0 in SrcA, in1 in SrcB, one value of b for the whole row where it is broadcast along it.
void binary(const KernelCall& call) {
  const auto kind = call.as<op::Binary>().kind;
  const View& a = call.in[0];
  const View& b = call.in[1];
  const View& out = call.out[0];
  const Rules& rules = core_of(call).rules;
  const Lanes lanes(core_of(call), core_of(call).ops.elementwise, has_f32(call, a) || b.format == Format::f32);
  const std::int64_t n = row_length(out);
  const std::int64_t step = row_length(b) == 1 ? 0 : 1;
  for_rows(call, row_count(out), [&](std::int64_t r, const RowBuffers& buffers) {
    auto [x, y, z, unused] = buffers.words;
    read_row(a, r, rules, x);
    read_words(b.format, broadcast_row(b, out.shape, r), row_length(b), 0, row_length(b), rules, y);
    for (std::int64_t i = 0; i < n; ++i)
      z[i] = kind == op::BinaryKind::kMultiply
                 ? lanes.mul(x[i], a.format, y[i * step], b.format)
                 : lanes.add(x[i], a.format, y[i * step], b.format, kind == op::BinaryKind::kSubtract);
    write_row(out, r, z, lanes.accumulator(), rules);
  });
}

void unary(const KernelCall& call) {
  const auto kind = call.as<op::Unary>().kind;
  const View& x = call.in[0];
  const Lanes lanes = elementwise_lanes(call, x);
  for_rows(call, row_count(x), [&](std::int64_t r, const RowBuffers& buffers) {
    std::uint32_t* words = buffers.words[0];
    read_row(x, r, core_of(call).rules, words);
    for (std::int64_t i = 0; i < row_length(x); ++i)
      words[i] = lanes.sfpu().store(lanes.sfpu().unary(kind, lanes.load(words[i], x.format)));
    write_row(call.out[0], r, words, lanes.accumulator(), core_of(call).rules);
  });
}

void affine(const KernelCall& call) {
  const auto& args = call.as<op::Affine>();
  const View& x = call.in[0];
  const Lanes lanes = elementwise_lanes(call, x);
  for_rows(call, row_count(x), [&](std::int64_t r, const RowBuffers& buffers) {
    std::uint32_t* words = buffers.words[0];
    read_row(x, r, core_of(call).rules, words);
    for (std::int64_t i = 0; i < row_length(x); ++i)
      words[i] = lanes.sfpu().store(
          lanes.sfpu().mad(lanes.load(words[i], x.format), f32_word(args.scale), f32_word(args.offset)));
    write_row(call.out[0], r, words, lanes.accumulator(), core_of(call).rules);
  });
}

void reduce(const KernelCall& call) {
  const auto kind = call.as<op::Reduce>().kind;
  const View& x = call.in[0];
  const std::int64_t n = row_length(x);
  const Lanes lanes = elementwise_lanes(call, x);
  const std::uint32_t scaler = host_bf16(kind == op::ReduceKind::kMean ? 1.0F / static_cast<float>(n) : 1.0F);
  for_rows(call, x.shape.rank() == 0 ? 1 : x.shape.rows(), [&](std::int64_t r, const RowBuffers& buffers) {
    std::uint32_t* words = buffers.words[0];
    read_row(x, r, core_of(call).rules, words);
    const std::uint32_t result = kind == op::ReduceKind::kMax ? lanes.reduce_max(words, n, x.format)
                                                              : lanes.reduce_sum(words, n, x.format, scaler);
    write_row(call.out[0], r, &result, lanes.accumulator(), core_of(call).rules);
  });
}

// act(gate) goes through L1 ahead of the product, as the fused activation of an element-wise product does.
void gated(const KernelCall& call) {
  const auto kind = call.as<op::Gated>().activation;
  const View& gate = call.in[0];
  const View& up = call.in[1];
  const Rules& rules = core_of(call).rules;
  const Lanes lanes(core_of(call), core_of(call).ops.elementwise, has_f32(call, gate) || up.format == Format::f32);
  for_rows(call, row_count(call.out[0]), [&](std::int64_t r, const RowBuffers& buffers) {
    auto [x, y, z, unused] = buffers.words;
    read_row(gate, r, rules, x);
    read_row(up, r, rules, y);
    for (std::int64_t i = 0; i < row_length(gate); ++i) {
      const std::uint32_t activated = lanes.sfpu().unary(kind, lanes.load(x[i], gate.format));
      z[i] = lanes.mul(lanes.store(lanes.sfpu().store(activated)), lanes.buffer(), y[i], up.format);
    }
    write_row(call.out[0], r, z, lanes.accumulator(), rules);
  });
}

// x - max, exp of it times the scale, its sum, the product with the sum's reciprocal; each through L1.
void softmax(const KernelCall& call) {
  const auto& args = call.as<op::Softmax>();
  const View& x = call.in[0];
  const std::int64_t n = row_length(x);
  const Rules& rules = core_of(call).rules;
  const Lanes lanes = elementwise_lanes(call, x);
  const Sfpu& sfpu = lanes.sfpu();
  const auto* valid = call.in.size() > 1 ? call.in[1].as<const std::int32_t>() : nullptr;
  for_rows(call, row_count(x), [&](std::int64_t r, const RowBuffers& buffers) {
    auto [words, weights, unused0, unused1] = buffers.words;
    read_row(x, r, rules, words);
    const std::int64_t begin = valid == nullptr ? 0 : valid[2 * r];
    const std::int64_t end = valid == nullptr ? n : valid[2 * r + 1];
    std::fill_n(weights, n, 0U);
    if (begin < end) {
      for (std::int64_t i = begin; i < end; ++i)
        words[i] = lanes.store(sfpu.store(sfpu.mul(lanes.load(words[i], x.format), f32_word(args.scale))));
      const std::uint32_t largest = lanes.store(lanes.reduce_max(words + begin, end - begin, lanes.buffer()));
      for (std::int64_t i = begin; i < end; ++i)
        weights[i] =
            lanes.store(sfpu.store(sfpu.exp(lanes.add(words[i], lanes.buffer(), largest, lanes.buffer(), true))));
      const std::uint32_t sum = lanes.reduce_sum(weights, n, lanes.buffer(), f32_word(1.0F));
      const std::uint32_t inverse = lanes.store(sfpu.store(sfpu.reciprocal(sum)));
      for (std::int64_t i = 0; i < n; ++i) weights[i] = lanes.mul(weights[i], lanes.buffer(), inverse, lanes.buffer());
    }
    write_row(call.out[0], r, weights, lanes.accumulator(), rules);
  });
}

}  // namespace firstlight::device::tensix
