// Edit distances by hand.
#include "firstlight/base/nearest.h"

#include <gtest/gtest.h>

namespace firstlight {
namespace {

TEST(Nearest, Distance) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("genreate", "generate"), 1U);  // one swap
  EXPECT_EQ(edit_distance("ab", "ba"), 1U);
  EXPECT_EQ(edit_distance("same", "same"), 0U);
}

TEST(Nearest, SortsAndKeepsTheOrderOfEquals) {
  EXPECT_EQ(nearest_names("bf8", {"bf16", "f32", "bfp8", "bfp4"}, 2), (std::vector<std::string>{"bfp8", "bf16"}));
  EXPECT_EQ(nearest_names("x", {"a", "b"}, 5), (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace firstlight
