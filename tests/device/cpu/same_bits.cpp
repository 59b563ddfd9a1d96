// Sizes that cross every block of the kernels (inputs, panels, rows, keys): the same bits for any batch, any number of
// threads, any cut of a sequence and any order of pages.
#include <fmt/format.h>
#include <gtest/gtest.h>

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
  // Whole on one thread, within the reference's bound; then every other way, to the bit.
  void expect_same(const Case& item, std::initializer_list<std::int64_t> batches) {
    SCOPED_TRACE(item.name);
    const HostCase host = parity::prepare(item);
    const auto one = open_table(GetParam(), 1);
    const auto two = open_table(GetParam(), 2);
    const Outcome whole = run_case(*one, host);
    ASSERT_EQ(whole.declined, "");
    EXPECT_EQ(parity::compare(parity::expected(host), whole), "");
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
    for (const auto& [x, depth] : {std::pair{Format::f32, 530}, std::pair{Format::bf16, 275}})
      expect_same(
          parity::make_case(fmt::format("{} x {}", format_name(x), format_name(weight)), op::Op::linear, op::Linear{},
                            {parity::activation({200, depth}, x).per_row(), parity::linear_weight(depth, 150, weight),
                             parity::vector_weight(150)},
                            x),
          {1, 2, 3, 4, 7, 31, 32});
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
