// Shape rules: what each op gives, and the wrong operands that it refuses with its rule in words.
#include <gtest/gtest.h>

#include "firstlight/op/all.h"
#include "testing/testing.h"

namespace firstlight::op {
namespace {

using Specs = std::vector<TensorSpec>;

TensorSpec f32(const Shape& shape) { return {shape, Format::f32}; }
TensorSpec bf16(const Shape& shape) { return {shape, Format::bf16}; }
TensorSpec i32(const Shape& shape) { return {shape, Format::i32}; }

template <typename Args>
void expect_shape(const Args& args, const Specs& in, const Shape& want) {
  const std::vector<Shape> got = args.infer(in);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0], want) << got[0].str();
}

// Refused, with an internal error that names the op and holds `rule`.
template <typename Args>
void expect_refused(const Args& args, const Specs& in, const std::string& where, const std::string& rule) {
  const Error error = testing::expect_error([&] { args.infer(in); });
  EXPECT_EQ(error.category(), Category::kInternal);
  EXPECT_EQ(error.where(), where);
  EXPECT_NE(error.message().find(rule), std::string::npos) << error.message();
}

TEST(Shapes, Embedding) {
  expect_shape(Embedding{}, {bf16({50, 8}), i32({3})}, {3, 8});
  expect_shape(Embedding{.tied = true}, {bf16({8, 50}), i32({3})}, {3, 8});
  expect_shape(Embedding{}, {f32({50, 8}), i32({0})}, {0, 8});
  expect_refused(Embedding{}, {f32({50}), i32({3})}, "embedding", "table");
  expect_refused(Embedding{}, {f32({50, 8}), f32({3})}, "embedding", "ids i32 [R]");
  expect_refused(Embedding{}, {f32({50, 8})}, "embedding", "as many operands");
}

TEST(Shapes, Linear) {
  expect_shape(Linear{}, {f32({2, 3, 8}), {{8, 5}, Format::bfp4}}, {2, 3, 5});
  expect_shape(Linear{}, {f32({8}), f32({8, 5}), f32({5})}, {5});
  expect_shape(Linear{}, {f32({0, 8}), f32({8, 5})}, {0, 5});
  expect_refused(Linear{}, {f32({3, 8}), f32({9, 5})}, "linear", "the K of x");
  expect_refused(Linear{}, {f32({3, 8}), f32({8})}, "linear", "a weight [K, N]");
  expect_refused(Linear{}, {f32({3, 8}), f32({8, 5}), f32({8})}, "linear", "a bias f32 [N]");
  expect_refused(Linear{}, {f32({3, 8}), f32({8, 5}), bf16({5})}, "linear", "a bias f32 [N]");
  expect_refused(Linear{}, {i32({3, 8}), f32({8, 5})}, "linear", "x [..., K]");
  expect_refused(Linear{}, {f32({}), f32({8, 5})}, "linear", "x [..., K]");
  expect_refused(Linear{}, {f32({3, 8}), f32({8, 5}), f32({5}), f32({5})}, "linear", "as many operands");
}

TEST(Shapes, Matmul) {
  expect_shape(Matmul{}, {f32({4, 2, 8}), f32({2, 8, 5})}, {4, 2, 5});
  expect_shape(Matmul{.transpose_b = true}, {f32({4, 2, 8}), f32({4, 5, 8})}, {4, 2, 5});
  expect_shape(Matmul{}, {f32({0, 2, 8}), f32({0, 8, 5})}, {0, 2, 5});
  expect_refused(Matmul{}, {f32({4, 2, 8}), f32({3, 8, 5})}, "matmul", "divides");
  expect_refused(Matmul{}, {f32({4, 2, 8}), f32({0, 8, 5})}, "matmul", "divides");
  expect_refused(Matmul{}, {f32({4, 2, 8}), f32({4, 5, 8})}, "matmul", "the same K");
  expect_refused(Matmul{}, {f32({2, 8}), f32({4, 8, 5})}, "matmul", "a [B, M, K]");
}

TEST(Shapes, Binary) {
  expect_shape(Binary{}, {f32({2, 3, 4}), bf16({2, 3, 4})}, {2, 3, 4});
  expect_shape(Binary{}, {f32({2, 3, 4}), f32({3, 1})}, {2, 3, 4});
  expect_shape(Binary{}, {f32({2, 3, 4}), f32({})}, {2, 3, 4});
  expect_shape(Binary{}, {f32({0, 4}), f32({4})}, {0, 4});
  expect_refused(Binary{}, {f32({3, 4}), f32({3})}, "binary", "broadcast");
  expect_refused(Binary{}, {f32({4}), f32({3, 4})}, "binary", "broadcast");
  expect_refused(Binary{}, {f32({4}), i32({4})}, "binary", "float");
}

TEST(Shapes, ElementWise) {
  expect_shape(Unary{}, {bf16({2, 3})}, {2, 3});
  expect_shape(Affine{}, {bf16({})}, {});
  expect_shape(Copy{}, {{{2, 3}, Format::bfp8}}, {2, 3});
  expect_shape(Gated{}, {f32({2, 3}), f32({2, 3})}, {2, 3});
  expect_refused(Unary{}, {i32({2})}, "unary", "float");
  expect_refused(Affine{}, {i32({2})}, "affine", "float");
  expect_refused(Copy{}, {i32({2})}, "copy", "float");
  expect_refused(Gated{}, {f32({2, 3}), f32({2, 4})}, "gated", "one shape");
}

TEST(Shapes, Reductions) {
  expect_shape(Reduce{}, {f32({2, 3})}, {2, 1});
  expect_shape(Reduce{}, {f32({2, 0})}, {2, 1});
  expect_refused(Reduce{ReduceKind::kMax}, {f32({2, 0})}, "reduce", "at least one");
  expect_refused(Reduce{}, {f32({})}, "reduce", "[..., N]");
  expect_shape(Softmax{}, {f32({2, 3, 4}), i32({6, 2})}, {2, 3, 4});
  expect_refused(Softmax{}, {f32({2, 3, 4}), i32({2, 2})}, "softmax", "valid i32 [R, 2]");
}

TEST(Shapes, Norms) {
  expect_shape(RmsNorm{}, {bf16({2, 3, 8}), f32({8})}, {2, 3, 8});
  expect_refused(RmsNorm{}, {f32({2, 8}), f32({7})}, "rms_norm", "weight f32 [H]");
  expect_refused(RmsNorm{}, {f32({2, 8}), bf16({8})}, "rms_norm", "weight f32 [H]");
  expect_refused(RmsNorm{}, {f32({2, 0}), f32({0})}, "rms_norm", "H > 0");
  expect_shape(LayerNorm{}, {f32({2, 8}), f32({8}), f32({8})}, {2, 8});
  expect_refused(LayerNorm{}, {f32({2, 8}), f32({8}), f32({1})}, "layer_norm", "bias f32 [H]");
}

TEST(Shapes, Rope) {
  expect_shape(Rope{.rotary_dim = 4}, {f32({3, 2, 8}), f32({9, 2}), f32({9, 2}), i32({3})}, {3, 2, 8});
  expect_refused(Rope{.rotary_dim = 10}, {f32({3, 2, 8}), f32({9, 5}), f32({9, 5}), i32({3})}, "rope",
                 "even rotary_dim");
  expect_refused(Rope{.rotary_dim = 3}, {f32({3, 2, 8}), f32({9, 1}), f32({9, 1}), i32({3})}, "rope",
                 "even rotary_dim");
  expect_refused(Rope{.rotary_dim = 4}, {f32({3, 2, 8}), f32({9, 4}), f32({9, 4}), i32({3})}, "rope", "tables");
  expect_refused(Rope{.rotary_dim = 4}, {f32({3, 2, 8}), f32({9, 2}), f32({8, 2}), i32({3})}, "rope", "tables");
  expect_refused(Rope{.rotary_dim = 4}, {f32({3, 2, 8}), f32({9, 2}), f32({9, 2}), i32({2})}, "rope", "positions");
}

TEST(Shapes, Moves) {
  expect_shape(Concat{}, {f32({2, 3}), bf16({2, 4})}, {2, 7});
  expect_refused(Concat{}, {f32({2, 3}), f32({3, 3})}, "concat", "equal outer axes");
  expect_shape(GatherRows{}, {f32({5, 2, 3}), i32({7})}, {7, 2, 3});
  expect_refused(GatherRows{}, {f32({5}), i32({7})}, "gather_rows", "x [R, ..., N]");
  expect_refused(GatherRows{}, {f32({5, 2}), f32({7})}, "gather_rows", "index i32");
}

TEST(Shapes, Experts) {
  expect_shape(Route{.top = 2}, {f32({3, 8})}, {3, 8});
  expect_refused(Route{.top = 9}, {f32({3, 8})}, "route", "from 1 to E");
  expect_refused(Route{.top = 0}, {f32({3, 8})}, "route", "from 1 to E");
  expect_refused(Route{.top = 1}, {f32({8})}, "route", "logits [R, E]");
  expect_shape(AddGathered{}, {bf16({3, 8}), f32({5, 8}), f32({3, 1}), i32({3})}, {3, 8});
  expect_refused(AddGathered{}, {f32({3, 8}), f32({5, 7}), f32({3, 1}), i32({3})}, "add_gathered", "the N of x");
  expect_refused(AddGathered{}, {f32({3, 8}), f32({5, 8}), f32({3}), i32({3})}, "add_gathered", "weights [R, 1]");
  expect_refused(AddGathered{}, {f32({3, 8}), f32({5, 8}), f32({3, 1}), i32({5})}, "add_gathered", "index i32 [R]");
}

TEST(Shapes, Cache) {
  const Specs append{f32({3, 2, 8}), i32({3}), i32({3}), i32({4, 5})};
  EXPECT_TRUE(CacheAppend{}.infer(append).empty());  // the cache is the caller's
  expect_refused(CacheAppend{}, {f32({3, 2, 8}), i32({3}), i32({2}), i32({4, 5})}, "cache_append", "positions i32 [R]");
  expect_refused(CacheAppend{}, {f32({3, 16}), i32({3}), i32({3}), i32({4, 5})}, "cache_append", "x [R, H, D]");
  const Specs wrong_cache{bf16({10, 2, 4, 9})};
  EXPECT_EQ(testing::expect_error([&] { CacheAppend{}.cost(append, wrong_cache); }).category(), Category::kInternal);

  const Specs gather{bf16({10, 2, 4, 8}), i32({3, 5})};
  expect_shape(CacheGather{2, 20}, gather, {2, 20, 8});
  expect_shape(CacheGather{0, 0}, gather, {2, 0, 8});
  expect_refused(CacheGather{3, 1}, gather, "cache_gather", "a sequence");
  expect_refused(CacheGather{0, 21}, gather, "cache_gather", "length");
}

TEST(Shapes, Attention) {
  const auto specs = [](std::int64_t heads, std::int64_t kv_heads, const Shape& values) {
    return Specs{f32({3, heads, 8}), bf16({10, kv_heads, 4, 8}), bf16(values), i32({3}), i32({3}), i32({2, 5})};
  };
  expect_shape(Attention{.max_context = 20}, specs(6, 2, {10, 2, 4, 6}), {3, 36});
  expect_refused(Attention{}, specs(5, 2, {10, 2, 4, 6}), "attention", "multiple of the KV heads");
  expect_refused(Attention{}, specs(6, 2, {10, 3, 4, 6}), "attention", "paged like the keys");
  expect_refused(Attention{.max_context = 21}, specs(6, 2, {10, 2, 4, 6}), "attention", "max_context");
  expect_refused(Attention{.window = -1}, specs(6, 2, {10, 2, 4, 6}), "attention", "window");
  Specs wrong = specs(6, 2, {10, 2, 4, 6});
  wrong[1] = bf16({10, 2, 4, 7});
  expect_refused(Attention{}, wrong, "attention", "the D of q");
}

}  // namespace
}  // namespace firstlight::op
