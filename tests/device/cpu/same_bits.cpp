// Sizes that cross every block of the kernels (inputs, panels, rows, keys): the same bits for any batch, any number of
// threads, any cut of a sequence and any order of pages.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "device/cpu/tables.h"
#include "device/parity/cases.h"
#include "device/parity/runner.h"
#include "firstlight/op/linear.h"

namespace firstlight::device::cpu {
namespace {

using parity::Case;
using parity::HostCase;
using parity::Outcome;
using parity::PagedCase;
using parity::run_case;

class SameBits : public ::testing::TestWithParam<std::string> {
 protected:
  // Whole on one thread, within its bound; then every other way, to the bit.
  void expect_same(const Case& item, std::initializer_list<std::int64_t> batches) {
    SCOPED_TRACE(item.name);
    const HostCase host = parity::prepare(item);
    const auto one = open_table(GetParam(), 1);
    const auto two = open_table(GetParam(), 2);
    const Outcome whole = run_case(*one, host);
    ASSERT_EQ(whole.declined, "");
    EXPECT_EQ(parity::compare(parity::expected(host, one.get()), whole), "");
    EXPECT_EQ(run_case(*two, host).bytes, whole.bytes) << "2 threads";
    for (const std::int64_t batch : batches) {
      EXPECT_EQ(run_case(*one, host, {.batch = batch}).bytes, whole.bytes) << "batches of " << batch;
      EXPECT_EQ(run_case(*two, host, {.phase = Phase::kDecode, .batch = batch}).bytes, whole.bytes)
          << "batches of " << batch << ", 2 threads";
    }
  }
};

TEST_P(SameBits, Linear) {
  for (const Format weight : {Format::f32, Format::f16, Format::bf16, Format::bfp8, Format::bfp4, Format::bfp2})
    for (const auto& [x, depth] :
         {std::pair{Format::f32, 530}, std::pair{Format::bf16, 275}, std::pair{Format::bf16, 288}})
      expect_same(parity::make_case(fmt::format("{} x {}, depth {}", format_name(x), format_name(weight), depth),
                                    op::Op::linear, op::Linear{},
                                    {parity::activation({200, depth}, x).per_row(),
                                     parity::linear_weight(depth, 150, weight), parity::vector_weight(150)},
                                    x),
                  {1, 2, 3, 4, 7, 31, 32});
}

// Whole groups of inputs, of which the products take a block after another.
TEST_P(SameBits, LinearOfManyBlocks) {
  constexpr std::int64_t kDepth = 1024 + 192;
  for (const Format weight : {Format::bf16, Format::bfp8, Format::bfp4, Format::bfp2})
    expect_same(parity::make_case(std::string(format_name(weight)), op::Op::linear, op::Linear{},
                                  {parity::activation({38, kDepth}, Format::bf16).per_row(),
                                   parity::linear_weight(kDepth, 100, weight), parity::vector_weight(100)},
                                  Format::bf16),
                {1, 4, 5, 12, 25, 32});
}

// A prompt of 200 positions in one sequence, cut into chunks, as KV pages of every kind.
TEST_P(SameBits, Attention) {
  for (const Format cache : {Format::f32, Format::bf16, Format::bfp8, Format::bfp4})
    for (const std::int64_t window : {0, 70}) {
      PagedCase paged{.heads = 6,
                      .kv_heads = 2,
                      .head_dim = 40,
                      .value_dim = 24,
                      .page_size = 16,
                      .window = window,
                      .softcap = window > 0 ? 5.0F : 0.0F,
                      .activations = cache == Format::bf16 ? Format::bf16 : Format::f32,
                      .cache = cache};
      for (std::int32_t position = 0; position < 200; ++position) paged.rows.push_back({1, position});
      expect_same(parity::attention_case(fmt::format("{} window {}", format_name(cache), window), paged, 1),
                  {1, 7, 33, 64});
    }
}

// What a row does not attend to is not multiplied by its weight of zero: an infinity beside it in a pair of positions,
// in front of a window or behind the row, leaves every bit as it was.
TEST_P(SameBits, AttentionMeetsNoMaskedValue) {
  constexpr std::int32_t kRows = 150;
  constexpr std::int32_t kWindow = 70;
  PagedCase paged{.heads = 4,
                  .kv_heads = 2,
                  .head_dim = 16,
                  .value_dim = 24,
                  .page_size = 16,
                  .window = kWindow,
                  .activations = Format::bf16,
                  .cache = Format::bf16};
  for (std::int32_t position = 0; position < kRows; ++position) paged.rows.push_back({0, position});
  const Case item = parity::attention_case("masked", paged, 1);
  const auto device = open_table(GetParam(), 1);
  const std::vector<float> clean = run_case(*device, parity::prepare(item)).values;
  const std::int64_t pages_per_sequence = item.in[5].shape[1];
  for (const std::int32_t position : {10, 11, kRows - 2, kRows - 1}) {
    Case poisoned = item;
    parity::Operand& values = poisoned.in[2];
    const std::int64_t entry = item.in[3].indices.at(0) * pages_per_sequence + position / paged.page_size;
    for (std::int64_t head = 0; head < paged.kv_heads; ++head) {
      const std::int64_t page = item.in[5].indices.at(static_cast<std::size_t>(entry));
      const std::int64_t row = (page * paged.kv_heads + head) * paged.page_size + position % paged.page_size;
      std::fill_n(values.values.begin() + row * paged.value_dim, paged.value_dim,
                  std::numeric_limits<float>::infinity());
    }
    const std::vector<float> found = run_case(*device, parity::prepare(poisoned)).values;
    const std::int64_t width = paged.heads * paged.value_dim;
    for (std::int32_t row = 0; row < kRows; ++row) {
      const bool attended = position <= row && position > row - kWindow;
      const auto begin = found.begin() + row * width;
      EXPECT_EQ(std::equal(begin, begin + width, clean.begin() + row * width), !attended)
          << "row " << row << ", infinity at " << position;
    }
  }
}

// Rows of users of their own lengths, whatever else shares the call and wherever the pages lie.
TEST_P(SameBits, AttentionBatches) {
  PagedCase paged{.heads = 4, .kv_heads = 4, .head_dim = 17, .value_dim = 33, .page_size = 8, .cache = Format::bfp8};
  for (std::int32_t user = 0; user < 33; ++user) paged.rows.push_back({user, (user * 37) % 190});
  const Case item = parity::attention_case("users", paged, 1);
  expect_same(item, {1, 2, 3, 7, 31, 32});
  const auto device = open_table(GetParam(), 2);
  const Outcome first = run_case(*device, parity::prepare(item));
  for (const std::uint64_t order : {2, 3})
    EXPECT_EQ(run_case(*device, parity::prepare(parity::attention_case("users", paged, order))).bytes, first.bytes);
}

INSTANTIATE_TEST_SUITE_P(Cpu, SameBits, ::testing::ValuesIn(tables()), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace firstlight::device::cpu
