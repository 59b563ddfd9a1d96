// Linear products under the setting of 8-bit inputs: within their own bound, the same bits whatever the rows that share
// a call and the instruction set, exact where every rounding is.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "device/cpu/tables.h"
#include "device/parity/cases.h"
#include "device/parity/runner.h"
#include "firstlight/op/linear.h"

namespace firstlight::device::cpu {
namespace {

using parity::Case;
using parity::Fill;
using parity::HostCase;
using parity::Operand;
using parity::Outcome;
using parity::run_case;

constexpr Format kBlocks[] = {Format::bfp8, Format::bfp4, Format::bfp2};

Case linear_case(std::int64_t rows, std::int64_t depth, std::int64_t outputs, Format x, Format weight, Fill fill) {
  return parity::make_case(fmt::format("{}x{}x{} {} {} {}", rows, depth, outputs, format_name(x), format_name(weight),
                                       static_cast<int>(fill)),
                           op::Op::linear, op::Linear{},
                           {parity::activation({rows, depth}, x).filled(fill).per_row(),
                            parity::linear_weight(depth, outputs, weight).filled(fill), parity::vector_weight(outputs)},
                           x);
}

class Integer : public ::testing::TestWithParam<std::string> {
 protected:
  Outcome run(const HostCase& host, int threads = 1, parity::RunOptions options = {}) {
    options.setting = "int8";
    return run_case(*open_table(GetParam(), threads), host, options);
  }
};

TEST_P(Integer, StaysWithinItsBound) {
  struct Size {
    std::int64_t rows, depth, outputs;
  };
  const auto device = open_table(GetParam(), 2);
  for (const Format weight : kBlocks)
    for (const Format x : {Format::f32, Format::bf16, Format::bfp8})
      for (const Size& size : {Size{1, 1, 1}, {2, 64, 16}, {3, 33, 17}, {4, 80, 40}, {5, 129, 31}, {33, 600, 48}})
        for (const Fill fill : {Fill::kNormal, Fill::kWide}) {
          const HostCase host = parity::prepare(linear_case(size.rows, size.depth, size.outputs, x, weight, fill));
          SCOPED_TRACE(host.description.name);
          EXPECT_EQ(parity::compare(parity::expected(host, device.get(), "int8"), run(host, 2)), "");
        }
}

// The bound is one that a wrong kernel would miss: a few hundredths of the result's size.
TEST_P(Integer, HasABoundThatSaysSomething) {
  const auto device = open_table(GetParam(), 1);
  const HostCase host = parity::prepare(linear_case(2, 512, 32, Format::f32, Format::bfp8, Fill::kNormal));
  const parity::Expected expected = parity::expected(host, device.get(), "int8");
  for (const double bound : expected.bound) {
    EXPECT_GT(bound, 0.0);
    EXPECT_LT(bound, 0.5 * std::sqrt(512.0));
  }
}

TEST_P(Integer, KeepsBits) {
  for (const Format weight : kBlocks)
    for (const Format x : {Format::f32, Format::bf16}) {
      const HostCase host = parity::prepare(linear_case(200, 530, 150, x, weight, Fill::kNormal));
      SCOPED_TRACE(host.description.name);
      const Outcome whole = run(host);
      ASSERT_EQ(whole.declined, "");
      EXPECT_EQ(run(host, 2).bytes, whole.bytes) << "2 threads";
      for (const std::int64_t batch : {1, 2, 3, 4, 5, 7, 9, 16, 17, 31, 32})
        EXPECT_EQ(run(host, 2, {.phase = Phase::kDecode, .batch = batch}).bytes, whole.bytes) << "by " << batch;
    }
}

// The portable table rounds a multiply and an add apart; the others fuse them.
TEST(IntegerTables, AreTheSameToTheBit) {
  for (const Format weight : kBlocks)
    for (const std::int64_t rows : {2, 7, 9, 41}) {
      const HostCase host = parity::prepare(linear_case(rows, 200, 40, Format::f32, weight, Fill::kWide));
      SCOPED_TRACE(host.description.name);
      std::vector<std::byte> first;
      for (const std::string& name : tables()) {
        if (name == "portable") continue;
        const Outcome outcome = run_case(*open_table(name, 1), host, {.setting = "int8"});
        ASSERT_EQ(outcome.declined, "") << name;
        if (first.empty()) first = outcome.bytes;
        EXPECT_EQ(outcome.bytes, first) << name;
      }
    }
}

// Whole numbers up to 127 are 8-bit inputs as they are, and so are weights of one exponent.
TEST_P(Integer, IsExactOnWholeNumbers) {
  constexpr std::int64_t kDepth = 70;
  constexpr std::int64_t kOutputs = 19;
  for (const auto& [format, most] : {std::pair{Format::bfp8, 127}, {Format::bfp4, 7}, {Format::bfp2, 1}}) {
    Case item = linear_case(6, kDepth, kOutputs, Format::f32, format, Fill::kNormal);
    item.in.pop_back();  // no bias
    for (std::int64_t i = 0; i < 6 * kDepth; ++i)
      item.in[0].values.push_back(i % kDepth % 64 == 5 ? -127.0F : static_cast<float>(i * 37 % 255 - 127));
    for (std::int64_t i = 0; i < kDepth * kOutputs; ++i) {
      const bool largest = i % kOutputs % 16 == 2;  // one in every block
      item.in[1].values.push_back(static_cast<float>(largest ? most : i * 29 % (2 * most + 1) - most));
    }
    const Outcome outcome = run(parity::prepare(item));
    for (std::int64_t r = 0; r < 6; ++r)
      for (std::int64_t n = 0; n < kOutputs; ++n) {
        double sum = 0;
        for (std::int64_t k = 0; k < kDepth; ++k)
          sum += double{item.in[0].values[static_cast<std::size_t>(r * kDepth + k)]} *
                 item.in[1].values[static_cast<std::size_t>(k * kOutputs + n)];
        // A scale is the float nearest to the largest input over 127, which is 1 here.
        EXPECT_EQ(outcome.values[static_cast<std::size_t>(r * kOutputs + n)], sum) << format_name(format);
      }
  }
}

TEST_P(Integer, CarriesWhatIsNoNumber) {
  for (const std::int64_t rows : {3, 21}) {
    Case item = linear_case(rows, 130, 20, Format::f32, Format::bfp8, Fill::kNormal);
    item.in[0].values.assign(static_cast<std::size_t>(rows * 130), 1.0F);
    item.in[0].values[130 + 77] = std::numeric_limits<float>::infinity();
    item.in[0].values[260 + 3] = std::numeric_limits<float>::quiet_NaN();
    const Outcome outcome = run(parity::prepare(item));
    for (std::size_t i = 0; i < outcome.values.size(); ++i) {
      const float value = outcome.values[i];
      if (i / 20 == 1)
        EXPECT_FALSE(std::isfinite(value)) << i;
      else if (i / 20 == 2)
        EXPECT_TRUE(std::isnan(value)) << i;
      else
        EXPECT_TRUE(std::isfinite(value)) << i;
    }
  }
}

// A weight without codes is multiplied as ever, and so is one of a policy that asks for nothing.
TEST_P(Integer, IsForBlockFormatsThatAskForIt) {
  const HostCase plain = parity::prepare(linear_case(5, 96, 40, Format::bf16, Format::bf16, Fill::kNormal));
  EXPECT_EQ(run(plain).bytes, run_case(*open_table(GetParam(), 1), plain).bytes);
  const HostCase block = parity::prepare(linear_case(5, 96, 40, Format::bf16, Format::bfp8, Fill::kNormal));
  EXPECT_NE(run(block).bytes, run_case(*open_table(GetParam(), 1), block).bytes);
  EXPECT_EQ(run_case(*open_table(GetParam(), 1), block, {.setting = "hifi2"}).bytes,
            run_case(*open_table(GetParam(), 1), block).bytes);
}

INSTANTIATE_TEST_SUITE_P(Cpu, Integer, ::testing::ValuesIn(tables()), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace firstlight::device::cpu
