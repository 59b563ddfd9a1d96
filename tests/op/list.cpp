// The op list: names, rows and traits agree.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "firstlight/op/all.h"

namespace firstlight::op {
namespace {

TEST(List, RowsStandUnderTheirOwnName) {
  std::set<std::string> names;
  for (const OpRow& row : ops()) {
    EXPECT_EQ(&op::row(row.id), &row);
    EXPECT_EQ(find_op(row.name), row.id);
    EXPECT_TRUE(names.insert(std::string(row.name)).second) << row.name;
    EXPECT_FALSE(row.summary.empty()) << row.name;
  }
  EXPECT_EQ(find_op("no_such_op"), std::nullopt);
}

TEST(List, TraitsAreSound) {
  for (const OpRow& row : ops()) {
    EXPECT_GE(row.traits.min_inputs, 1) << row.name;
    EXPECT_GE(row.traits.max_inputs, row.traits.min_inputs) << row.name;
    EXPECT_LT(row.traits.weight_input, row.traits.min_inputs) << row.name;
    EXPECT_GE(row.traits.outputs, 1) << row.name;
  }
  EXPECT_EQ(row(Op::linear).traits.weight_input, 1);
  EXPECT_EQ(row(Op::embedding).traits.weight_input, 0);
  EXPECT_TRUE(row(Op::cache_append).traits.in_place);
  EXPECT_EQ(row(Op::attention).traits.kind, Kind::kComposite);
  EXPECT_EQ(row(Op::matmul).traits.kind, Kind::kPrimitive);
}

TEST(List, UnaryKindsHaveNames) {
  std::set<std::string_view> names;
  for (int kind = 0; kind <= static_cast<int>(UnaryKind::kRsqrt); ++kind)
    EXPECT_TRUE(names.insert(unary_name(static_cast<UnaryKind>(kind))).second);
  EXPECT_FALSE(names.contains(""));
}

TEST(Cost, Adds) {
  Cost cost{1, 2, 3, 4};
  cost += {10, 20, 30, 40};
  EXPECT_EQ(cost.flops, 11);
  EXPECT_EQ(cost.bytes(), 22 + 33 + 44);
}

TEST(Cost, BytesFollowTheRowLayout) {
  EXPECT_EQ(spec_bytes({{3, 17}, Format::f32}), 3 * 17 * 4);
  EXPECT_EQ(spec_bytes({{3, 17}, Format::bfp8}), 3 * 2 * 17);
  EXPECT_EQ(spec_bytes({{}, Format::bf16}), 2);
  EXPECT_EQ(spec_bytes({{0, 17}, Format::f32}), 0);
}

}  // namespace
}  // namespace firstlight::op
