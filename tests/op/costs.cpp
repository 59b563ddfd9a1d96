// Costs against numbers worked out by hand.
#include <gtest/gtest.h>

#include "firstlight/op/all.h"

namespace firstlight::op {
namespace {

using Specs = std::vector<TensorSpec>;

template <typename Args>
void expect_cost(const Args& args, const Specs& in, const Specs& out, const Cost& want) {
  const Cost got = args.cost(in, out);
  EXPECT_EQ(got.flops, want.flops);
  EXPECT_EQ(got.weight_bytes, want.weight_bytes);
  EXPECT_EQ(got.state_bytes, want.state_bytes);
  EXPECT_EQ(got.activation_bytes, want.activation_bytes);
}

// Three rows of 64: K = 64, N = 32, bfp8 blocks along N: 64 * 2 * 17 bytes; the bias 128 more.
TEST(Costs, Linear) {
  expect_cost(
      Linear{}, {{{3, 64}, Format::bf16}, {{64, 32}, Format::bfp8}, {{32}, Format::f32}}, {{{3, 32}, Format::bf16}},
      {.flops = 3 * 32 * (2 * 64 + 1), .weight_bytes = 64 * 34 + 128, .activation_bytes = 3 * 64 * 2 + 3 * 32 * 2});
}

TEST(Costs, EmbeddingReadsOnlyItsRows) {
  const Specs out{{{5, 32}, Format::bf16}};
  expect_cost(Embedding{}, {{{1000, 32}, Format::bf16}, {{5}, Format::i32}}, out,
              {.weight_bytes = 5 * 64, .activation_bytes = 20 + 320});
  // A tied column is a share of the table: 32 rows of 63 blocks of 9 bytes over 1000 columns.
  expect_cost(Embedding{.tied = true}, {{{32, 1000}, Format::bfp4}, {{5}, Format::i32}}, out,
              {.weight_bytes = 32 * 63 * 9 / 1000.0 * 5, .activation_bytes = 20 + 320});
}

TEST(Costs, Matmul) {
  expect_cost(Matmul{}, {{{4, 3, 8}, Format::f32}, {{2, 8, 5}, Format::f32}}, {{{4, 3, 5}, Format::f32}},
              {.flops = 4 * 3 * 5 * 16, .activation_bytes = 4 * (96 + 80 + 60)});
}

TEST(Costs, ElementWise) {
  const Specs one{{{2, 8}, Format::bf16}};
  const Specs two{one[0], one[0]};
  expect_cost(Binary{}, two, one, {.flops = 16, .activation_bytes = 96});
  expect_cost(Unary{UnaryKind::kSilu}, one, one, {.flops = 64, .activation_bytes = 64});
  expect_cost(Unary{UnaryKind::kRelu}, one, one, {.flops = 16, .activation_bytes = 64});
  expect_cost(Affine{}, one, one, {.flops = 32, .activation_bytes = 64});
  expect_cost(Gated{UnaryKind::kSilu}, two, one, {.flops = 80, .activation_bytes = 96});
  expect_cost(Copy{}, one, {{{2, 8}, Format::f32}}, {.activation_bytes = 32 + 64});
  expect_cost(Reduce{}, one, {{{2, 1}, Format::bf16}}, {.flops = 16, .activation_bytes = 36});
  expect_cost(Softmax{}, one, one, {.flops = 80, .activation_bytes = 64});
}

TEST(Costs, Norms) {
  const Specs out{{{2, 8}, Format::bf16}};
  expect_cost(RmsNorm{}, {out[0], {{8}, Format::f32}}, out, {.flops = 64, .weight_bytes = 32, .activation_bytes = 64});
  expect_cost(LayerNorm{}, {out[0], {{8}, Format::f32}, {{8}, Format::f32}}, out,
              {.flops = 112, .weight_bytes = 64, .activation_bytes = 64});
}

// Two rows of three heads, two pairs a head: 12 pairs of 6 flops; each row reads 2 + 2 table floats.
TEST(Costs, Rope) {
  expect_cost(Rope{.rotary_dim = 4},
              {{{2, 3, 8}, Format::f32}, {{99, 2}, Format::f32}, {{99, 2}, Format::f32}, {{2}, Format::i32}},
              {{{2, 3, 8}, Format::f32}}, {.flops = 72, .activation_bytes = 192 + 32 + 8 + 192});
}

TEST(Costs, Moves) {
  expect_cost(Concat{}, {{{2, 3}, Format::f32}, {{2, 5}, Format::f32}}, {{{2, 8}, Format::f32}},
              {.activation_bytes = 128});
  expect_cost(GatherRows{}, {{{100, 4}, Format::f32}, {{3}, Format::i32}}, {{{3, 4}, Format::f32}},
              {.activation_bytes = 48 + 12 + 48});
}

TEST(Costs, Experts) {
  expect_cost(Route{.top = 2}, {{{3, 8}, Format::f32}}, {{{3, 8}, Format::f32}},
              {.flops = 24 * 6, .activation_bytes = 96 + 96});
  expect_cost(AddGathered{}, {{{4, 8}, Format::f32}, {{2, 8}, Format::bf16}, {{4, 1}, Format::f32}, {{4}, Format::i32}},
              {{{4, 8}, Format::f32}}, {.flops = 32, .activation_bytes = 128 + 32 + 16 + 16 + 128});
}

TEST(Costs, Cache) {
  const TensorSpec cache{{10, 2, 4, 32}, Format::bfp8};
  const TensorSpec table{{4, 5}, Format::i32};
  expect_cost(CacheAppend{}, {{{3, 2, 32}, Format::bf16}, {{3}, Format::i32}, {{3}, Format::i32}, table}, {cache},
              {.state_bytes = 6 * 34, .activation_bytes = 384 + 12 + 12 + 80});
  expect_cost(CacheGather{1, 7}, {cache, table}, {{{2, 7, 32}, Format::f32}},
              {.state_bytes = 14 * 34, .activation_bytes = 14 * 128});
}

// Four query heads on two KV heads, D = 16, Dv = 32, cache bf16: a position holds 2 * (32 + 64) = 192 bytes.
TEST(Costs, Attention) {
  const auto specs = [](std::int64_t rows, std::int64_t sequences) {
    return Specs{{{rows, 4, 16}, Format::f32}, {{50, 2, 8, 16}, Format::bf16}, {{50, 2, 8, 32}, Format::bf16},
                 {{rows}, Format::i32},        {{rows}, Format::i32},          {{sequences, 10}, Format::i32}};
  };
  const auto activations = [](double rows, double sequences) {
    return rows * (4 * 16 * 4 + 8 + 4 * 32 * 4) + sequences * 40;
  };
  // Decode: three users of 20, 30 and 40 positions; each cached row is read once.
  expect_cost(Attention{.max_context = 40, .attended = 90}, specs(3, 8), {{{3, 128}, Format::f32}},
              {.flops = 90 * 4 * (2 * 48 + 5), .state_bytes = 90 * 192, .activation_bytes = activations(3, 8)});
  // Prefill of 40 positions of the only sequence: 820 attended, 40 rows read.
  expect_cost(Attention{.max_context = 40, .attended = 820}, specs(40, 1), {{{40, 128}, Format::f32}},
              {.flops = 820 * 4 * (2 * 48 + 5), .state_bytes = 40 * 192, .activation_bytes = activations(40, 1)});
}

TEST(Costs, NothingCostsNothing) {
  expect_cost(Linear{}, {{{0, 8}, Format::f32}, {{8, 4}, Format::f32}}, {{{0, 4}, Format::f32}}, {.weight_bytes = 128});
  expect_cost(Embedding{}, {{{0, 8}, Format::f32}, {{0}, Format::i32}}, {{{0, 8}, Format::f32}}, {});
}

}  // namespace
}  // namespace firstlight::op
