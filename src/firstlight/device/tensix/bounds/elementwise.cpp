// Bounds of element-wise ops and reductions: the kernels of ops/, step by step.
#include "firstlight/device/tensix/bounds/bounds.h"
#include "firstlight/device/tensix/ops/ops.h"
#include "firstlight/op/all.h"

namespace firstlight::device::tensix {
namespace {

constexpr Near kOneExactly{1, 0};

Steps elementwise_steps(const BoundCall& call, bool f32_io) { return {call.core, call.core.ops.elementwise, f32_io}; }

}  // namespace

void bound_binary(const BoundCall& call) {
  const op::BinaryKind kind = call.call.as<op::Binary>().kind;
  const Steps steps = elementwise_steps(call, has_f32(call.call, call.in[0]) || call.format(1) == Format::f32);
  const std::vector<float> a = call.values(0);
  const std::vector<float> b = call.values(1);
  const double sign = kind == op::BinaryKind::kSubtract ? -1 : 1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::size_t j = call.second_index(i);
    call.bound[i] = kind == op::BinaryKind::kMultiply
                        ? steps.mul({a[i], 0}, call.format(0), {b[j], 0}, call.format(1)).error
                        : steps.add({a[i], 0}, call.format(0), {sign * b[j], 0}, call.format(1)).error;
  }
}

void bound_unary(const BoundCall& call) {
  const op::UnaryKind kind = call.call.as<op::Unary>().kind;
  const Steps steps = elementwise_steps(call, has_f32(call.call, call.in[0]));
  const std::vector<float> x = call.values(0);
  for (std::size_t i = 0; i < x.size(); ++i)
    call.bound[i] = steps.sfpu_store(steps.unary(kind, steps.load({x[i], 0}, call.format(0)))).error;
}

void bound_affine(const BoundCall& call) {
  const auto& args = call.call.as<op::Affine>();
  const Steps steps = elementwise_steps(call, has_f32(call.call, call.in[0]));
  const std::vector<float> x = call.values(0);
  for (std::size_t i = 0; i < x.size(); ++i)
    call.bound[i] =
        steps.sfpu_store(steps.mad(steps.load({x[i], 0}, call.format(0)), {args.scale, 0}, {args.offset, 0})).error;
}

void bound_gated(const BoundCall& call) {
  const op::UnaryKind kind = call.call.as<op::Gated>().activation;
  const Steps steps = elementwise_steps(call, has_f32(call.call, call.in[0]) || call.format(1) == Format::f32);
  const std::vector<float> gate = call.values(0);
  const std::vector<float> up = call.values(1);
  for (std::size_t i = 0; i < gate.size(); ++i) {
    const Near activated = steps.sfpu_store(steps.unary(kind, steps.load({gate[i], 0}, call.format(0))));
    call.bound[i] = steps.mul(activated, steps.buffer(), {up[i], 0}, call.format(1)).error;
  }
}

void bound_reduce(const BoundCall& call) {
  const op::ReduceKind kind = call.call.as<op::Reduce>().kind;
  const Steps steps = elementwise_steps(call, has_f32(call.call, call.in[0]));
  const std::vector<float> x = call.values(0);
  const std::int64_t n = row_length(call.in[0]);
  const Near scaler = host_constant(kind == op::ReduceKind::kMean ? 1.0 / static_cast<double>(n) : 1.0);
  std::vector<Near> row(static_cast<std::size_t>(n));
  for (std::size_t r = 0; r < call.bound.size(); ++r) {
    double largest = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = {x[r * row.size() + i], 0};
      largest = std::max(largest, row[i].top());
    }
    call.bound[r] = kind == op::ReduceKind::kMax ? steps.source({largest, 0}, call.format(0)).error
                                                 : steps.reduce_sum(row, call.format(0), scaler).error;
  }
}

// Softmax does not depend on what is subtracted, so the chip's maximum may be any number.
void bound_softmax(const BoundCall& call) {
  const float scale = call.call.as<op::Softmax>().scale;
  const Steps steps = elementwise_steps(call, has_f32(call.call, call.in[0]));
  const Format buffer = steps.buffer();
  const std::vector<float> x = call.values(0);
  const std::vector<std::int32_t> valid = call.in.size() > 1 ? call.indices(1) : std::vector<std::int32_t>();
  const std::int64_t n = row_length(call.exact);
  for (std::int64_t r = 0; r < row_count(call.exact); ++r) {
    const std::size_t pair = static_cast<std::size_t>(r) * 2;
    const std::int64_t begin = valid.empty() ? 0 : std::clamp<std::int64_t>(valid[pair], 0, n);
    const std::int64_t end = valid.empty() ? n : std::clamp<std::int64_t>(valid[pair + 1], begin, n);
    if (begin == end) continue;
    std::vector<Near> weights(static_cast<std::size_t>(n));
    double largest = -kUnbounded;
    for (std::int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<std::size_t>(i);
      weights[at] = steps.sfpu_store(
          steps.mad(steps.load({x[static_cast<std::size_t>(r * n) + at], 0}, call.format(0)), {scale, 0}, {}));
      largest = std::max(largest, weights[at].value);
    }
    for (std::int64_t i = begin; i < end; ++i) {
      Near& weight = weights[static_cast<std::size_t>(i)];
      weight = steps.sfpu_store(steps.exp(steps.add(weight, buffer, {-largest, 0}, buffer)));
    }
    const Near sum = steps.reduce_sum(weights, buffer, kOneExactly, true);
    const Near inverse = steps.sfpu_store(steps.reciprocal(sum));
    for (std::int64_t i = begin; i < end; ++i)
      call.bound[static_cast<std::size_t>(r * n + i)] =
          steps.mul(weights[static_cast<std::size_t>(i)], buffer, inverse, buffer).error;
  }
}

void bound_rope(const BoundCall& call) {
  const auto& args = call.call.as<op::Rope>();
  const Core& core = call.core;
  const Steps steps(core, core.ops.rope, has_f32(call.call, call.in[0]));
  const std::vector<float> x = call.values(0);
  const std::vector<float> cosines = call.values(1);
  const std::vector<float> sines = call.values(2);
  const std::vector<std::int32_t> positions = call.indices(3);
  const Shape& shape = call.exact.shape;  // [R, H, D]
  const Format format = call.format(0);
  const std::int64_t pairs = args.rotary_dim / 2;
  const bool interleaved = args.pairing == op::RopePairing::kInterleaved;
  for (std::int64_t row = 0; row < row_count(call.exact); ++row) {
    const std::int64_t table_row = positions[static_cast<std::size_t>(row / shape[1])] * pairs;
    for (std::int64_t p = 0; p < pairs; ++p) {
      const auto i = static_cast<std::size_t>(row * shape[2] + (interleaved ? 2 * p : p));
      const std::size_t j = i + static_cast<std::size_t>(interleaved ? 1 : pairs);
      const Near cosine = host_constant(cosines[static_cast<std::size_t>(table_row + p)]);
      const Near sine = host_constant(sines[static_cast<std::size_t>(table_row + p)]);
      const auto rotated = [&](double own, double partner) {
        const Near straight = steps.mul({own, 0}, format, cosine, Format::bf16);
        const Near turned = steps.mul(steps.source({partner, 0}, format), steps.buffer(), sine, Format::bf16);
        return steps.add(straight, steps.buffer(), turned, steps.buffer()).error;
      };
      call.bound[i] = rotated(x[i], -x[j]);
      call.bound[j] = rotated(x[j], x[i]);
    }
  }
}

// A row's experts are chosen by comparing logits, which is exact; what is left is a softmax over all or the chosen.
void bound_route(const BoundCall& call) {
  const auto& args = call.call.as<op::Route>();
  const Steps steps = elementwise_steps(call, has_f32(call.call, call.in[0]));
  const Format buffer = steps.buffer();
  const std::vector<float> logits = call.values(0);
  const auto* exact = call.exact.as<const float>();
  const std::int64_t n = row_length(call.exact);
  for (std::int64_t r = 0; r < row_count(call.exact); ++r) {
    const float* row = logits.data() + r * n;
    const double largest = *std::max_element(row, row + n);
    std::vector<Near> weights(static_cast<std::size_t>(n));
    for (std::int64_t e = 0; e < n; ++e)
      if (exact[r * n + e] != 0 || !args.normalise)
        weights[static_cast<std::size_t>(e)] = steps.sfpu_store(
            steps.exp(steps.add(steps.load({row[e], 0}, call.format(0)), buffer, {-largest, 0}, buffer)));
    const Near inverse = steps.sfpu_store(steps.reciprocal(steps.reduce_sum(weights, buffer, kOneExactly, true)));
    for (std::int64_t e = 0; e < n; ++e)
      if (exact[r * n + e] != 0)
        call.bound[static_cast<std::size_t>(r * n + e)] =
            steps.mul(weights[static_cast<std::size_t>(e)], buffer, inverse, buffer).error;
  }
}

void bound_add_gathered(const BoundCall& call) {
  const bool f32_io = has_f32(call.call, call.in[0]) || call.format(1) == Format::f32 || call.format(2) == Format::f32;
  const Steps steps = elementwise_steps(call, f32_io);
  const std::vector<float> x = call.values(0);
  const std::vector<float> y = call.values(1);
  const std::vector<float> weight = call.values(2);
  const std::vector<std::int32_t> index = call.indices(3);
  const std::int64_t n = row_length(call.exact);
  for (std::int64_t r = 0; r < row_count(call.exact); ++r) {
    const std::int32_t row = index[static_cast<std::size_t>(r)];
    for (std::int64_t i = 0; i < n; ++i) {
      const auto at = static_cast<std::size_t>(r * n + i);
      if (row < 0) {
        call.bound[at] = steps.load({x[at], 0}, call.format(0)).error;
        continue;
      }
      const Near product = steps.mul({y[static_cast<std::size_t>(row * n + i)], 0}, call.format(1),
                                     {weight[static_cast<std::size_t>(r)], 0}, call.format(2));
      call.bound[at] = steps.add({x[at], 0}, call.format(0), product, steps.buffer()).error;
    }
  }
}

}  // namespace firstlight::device::tensix
