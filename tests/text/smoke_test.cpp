#include <gtest/gtest.h>
#include "firstlight/text/tokenizer.h"
#include "testing/testing.h"
TEST(Smoke, Load) { auto t = firstlight::text::Tokenizer::load(firstlight::testing::source_dir() / "models/phi3-nano"); EXPECT_EQ(t.encode("a"), std::vector<int>{261}); }
