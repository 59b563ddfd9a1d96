// Linear products of bf16 by block formats in whole numbers (kernels/integer_words.h): exact where 16 bits hold the
// inputs, within their bound where they do not, and in floats where an input is no number.
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
using parity::Outcome;
using parity::run_case;

constexpr std::int64_t kDepth = 150;
constexpr std::int64_t kOutputs = 37;

std::vector<std::string> tables_with_words() {
  std::vector<std::string> names;
  for (const Isa& isa : isas())
    if (isa.usable() && isa.kernels->words != nullptr) names.emplace_back(isa.name);
  for (const std::string_view table : simulated_tables())
    if (simulated_kernels(table).words != nullptr) names.emplace_back(table);
  return names;
}

Case words_case(std::int64_t rows, Format weight, Fill fill = Fill::kNormal) {
  return parity::make_case(fmt::format("{} rows {}", rows, format_name(weight)), op::Op::linear, op::Linear{},
                           {parity::activation({rows, kDepth}, Format::bf16).filled(fill).per_row(),
                            parity::linear_weight(kDepth, kOutputs, weight).filled(fill)},
                           Format::f32);
}

class Words : public ::testing::TestWithParam<std::string> {
 protected:
  Outcome run(const Case& item) { return run_case(*open_table(GetParam(), 2), parity::prepare(item)); }
};

// Inputs of eight bits at any place within seven bits of the largest, exponents of blocks as far apart again.
TEST_P(Words, AreExactWhereSixteenBitsHoldTheInputs) {
  for (const auto& [format, most] : {std::pair{Format::bfp8, 127}, {Format::bfp4, 7}, {Format::bfp2, 1}})
    for (const std::int64_t rows : {1, 3, 4, 5, 6, 7, 31}) {
      Case item = words_case(rows, format);
      const auto x = [](std::int64_t r, std::int64_t k) {
        return static_cast<float>((r * 53 + k * 37) % 511 - 255) * (k % 3 == 0 ? 0x1p-3F : 1.0F);
      };
      // One column of every block holds its largest code; the others few codes, so that a float holds their sums.
      const auto full = [](std::int64_t n) { return n % 16 == 2; };
      const auto w = [&, most = most](std::int64_t k, std::int64_t n) {
        const float size = k % 5 == 0 ? 0x1p-4F : 1.0F;  // of a whole block
        if (full(n)) return size * static_cast<float>(most);
        if ((k * 7 + n) % 50 != 0) return 0.0F;
        return size * static_cast<float>((k * 41 + n * 29) % (2 * most + 1) - most);
      };
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t k = 0; k < kDepth; ++k) item.in[0].values.push_back(x(r, k));
      for (std::int64_t k = 0; k < kDepth; ++k)
        for (std::int64_t n = 0; n < kOutputs; ++n) item.in[1].values.push_back(w(k, n));
      const Outcome outcome = run(item);
      ASSERT_EQ(outcome.declined, "");
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t n = 0; n < kOutputs; ++n) {
          double sum = 0;
          for (std::int64_t k = 0; k < kDepth; ++k) sum += double{x(r, k)} * w(k, n);
          const double tolerance = full(n) ? 0x1p-22 * 255 * most * kDepth : 0;
          EXPECT_NEAR(outcome.values[static_cast<std::size_t>(r * kOutputs + n)], sum, tolerance)
              << item.name << ", row " << r << ", column " << n;
        }
    }
}

// What 16 bits do not hold is worth a part in ten thousand of the product, not more.
TEST_P(Words, HaveABoundThatSaysSomething) {
  const auto device = open_table(GetParam(), 1);
  for (const Fill fill : {Fill::kNormal, Fill::kWide})
    for (const Format format : {Format::bfp8, Format::bfp4, Format::bfp2}) {
      const HostCase host = parity::prepare(words_case(9, format, fill));
      SCOPED_TRACE(host.description.name);
      const parity::Expected expected = parity::expected(host, device.get(), "");
      EXPECT_EQ(parity::compare(expected, run_case(*device, host)), "");
      if (fill != Fill::kNormal) continue;
      for (const double bound : expected.bound) EXPECT_LT(bound, 1e-3 * std::sqrt(double{kDepth}));
    }
}

TEST_P(Words, LeaveRowsWithoutNumbersToFloats) {
  for (const std::int64_t rows : {3, 21}) {
    Case item = words_case(rows, Format::bfp8);
    item.in[0].values.assign(static_cast<std::size_t>(rows * kDepth), 1.0F);
    item.in[0].values[static_cast<std::size_t>(kDepth + 77)] = -std::numeric_limits<float>::infinity();
    item.in[0].values[static_cast<std::size_t>(2 * kDepth + 3)] = std::numeric_limits<float>::quiet_NaN();
    item.in[1].values.assign(static_cast<std::size_t>(kDepth * kOutputs), 0.5F);
    const Outcome outcome = run(item);
    for (std::int64_t i = 0; i < rows * kOutputs; ++i) {
      const float value = outcome.values[static_cast<std::size_t>(i)];
      if (i / kOutputs == 1)
        EXPECT_EQ(value, -std::numeric_limits<float>::infinity()) << i;
      else if (i / kOutputs == 2)
        EXPECT_TRUE(std::isnan(value)) << i;
      else
        EXPECT_EQ(value, 0.5F * kDepth) << i;
    }
  }
}

// The arithmetic leaves nothing to the instruction set.
TEST(WordsOfTables, AreTheSameBits) {
  const std::vector<std::string> names = tables_with_words();
  if (names.size() < 2) GTEST_SKIP() << "fewer than two tables have words here";
  for (const Fill fill : {Fill::kNormal, Fill::kWide})
    for (const Format format : {Format::bfp8, Format::bfp4, Format::bfp2})
      for (const std::int64_t rows : {1, 2, 4, 5, 13, 33}) {
        const HostCase host = parity::prepare(words_case(rows, format, fill));
        const Outcome first = run_case(*open_table(names[0], 2), host);
        ASSERT_EQ(first.declined, "");
        for (std::size_t i = 1; i < names.size(); ++i)
          EXPECT_EQ(run_case(*open_table(names[i], 2), host).values, first.values)
              << host.description.name << ", " << names[0] << " and " << names[i];
      }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Words);
INSTANTIATE_TEST_SUITE_P(Cpu, Words, ::testing::ValuesIn(tables_with_words()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace firstlight::device::cpu
