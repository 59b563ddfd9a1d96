// Errors: what they carry and how they read.
#include "firstlight/base/error.h"

#include <gtest/gtest.h>

#include <set>

#include "testing/testing.h"

namespace firstlight {
namespace {

TEST(Error, CarriesCategoryPlaceAndMessage) {
  const Error error = testing::expect_error(
      [] { fail(Category::kBadInput, "model.safetensors: tensor 'x'", "expected {} bytes, found {}", 8, 4); });
  EXPECT_EQ(error.category(), Category::kBadInput);
  EXPECT_EQ(error.where(), "model.safetensors: tensor 'x'");
  EXPECT_EQ(error.message(), "expected 8 bytes, found 4");
  EXPECT_STREQ(error.what(), "model.safetensors: tensor 'x': expected 8 bytes, found 4");
}

TEST(Error, WithoutAPlaceIsTheMessageAlone) {
  EXPECT_STREQ(Error(Category::kUsage, "", "no such flag").what(), "no such flag");
}

TEST(Error, CategoriesAreTheExitCodesAndHaveNamesOfTheirOwn) {
  EXPECT_EQ(static_cast<int>(Category::kFailedVerdict), 1);
  EXPECT_EQ(static_cast<int>(Category::kInternal), 7);
  std::set<std::string_view> names;
  for (int code = 1; code <= 7; ++code) names.insert(category_name(static_cast<Category>(code)));
  EXPECT_EQ(names.size(), 7u);
  EXPECT_EQ(category_name(Category::kBadInput), "bad input");
}

TEST(Error, CheckNamesTheBrokenPromise) {
  const int three = 3;
  FL_CHECK(three == 3);
  const Error error = testing::expect_error([&] { FL_CHECK(three == 4); });
  EXPECT_EQ(error.category(), Category::kInternal);
  EXPECT_NE(error.where().find("error_test.cpp:"), std::string::npos) << error.where();
  EXPECT_EQ(error.message(), "three == 4 does not hold");
}

}  // namespace
}  // namespace firstlight
