// Shapes.
#include "firstlight/tensor/shape.h"

#include <gtest/gtest.h>

#include <vector>

#include "testing/testing.h"

namespace firstlight {
namespace {

TEST(Shape, CountsElementsAndRows) {
  EXPECT_EQ(Shape({2, 3, 4}).elements(), 24);
  EXPECT_EQ(Shape({2, 3, 4}).rows(), 6);
  EXPECT_EQ(Shape({5}).rows(), 1);
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ(Shape().rows(), 1);
  EXPECT_EQ(Shape({3, 0}).elements(), 0);
  EXPECT_EQ(Shape({3, 0}).rows(), 3);
  EXPECT_EQ(Shape({0, 3}).rows(), 0);
}

TEST(Shape, IndexesFromBothEnds) {
  Shape shape = {2, 3, 4};
  EXPECT_EQ(shape.rank(), 3);
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(shape[-1], 4);
  EXPECT_EQ(shape[-3], 2);
  shape[-1] = 7;
  EXPECT_EQ(shape[2], 7);
  EXPECT_EQ(shape.str(), "[2, 3, 7]");
  EXPECT_EQ(Shape().str(), "[]");
}

TEST(Shape, EqualMeansSameDimensions) {
  EXPECT_EQ(Shape({2, 3}), Shape({2, 3}));
  EXPECT_NE(Shape({2, 3}), Shape({3, 2}));
  EXPECT_NE(Shape({2}), Shape({2, 1}));
  EXPECT_NE(Shape(), Shape({1}));
}

TEST(Shape, RefusesTooManyNegativeAndOverflowingDimensions) {
  EXPECT_EQ(Shape({1, 2, 3, 4, 5, 6}).rank(), Shape::kMaxRank);
  EXPECT_EQ(testing::expect_error([] { Shape({1, 1, 1, 1, 1, 1, 1}); }).category(), Category::kInternal);
  EXPECT_EQ(testing::expect_error([] { Shape({2, -1}); }).category(), Category::kInternal);
  const std::int64_t big = std::int64_t{1} << 32;
  EXPECT_EQ(testing::expect_error([&] { Shape({big, big}).elements(); }).category(), Category::kInternal);
  EXPECT_EQ(testing::expect_error([&] { Shape({big, big, 1}).rows(); }).category(), Category::kInternal);
  EXPECT_EQ(Shape({big, big}).rows(), big);
}

TEST(Shape, RoundsUpAndDivides) {
  EXPECT_EQ(round_up(0, 32), 0);
  EXPECT_EQ(round_up(1, 32), 32);
  EXPECT_EQ(round_up(32, 32), 32);
  EXPECT_EQ(ceil_div(33, 32), 2);
  EXPECT_EQ(ceil_div(64, 32), 2);
}

}  // namespace
}  // namespace firstlight
