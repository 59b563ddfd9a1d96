// Hashes: the published values of XXH3, and the form of the hex.
#include "firstlight/base/hash.h"

#include <gtest/gtest.h>

#include <set>
#include <span>
#include <string>

namespace firstlight {
namespace {

// XXH3 with seed 0 of no bytes.
TEST(Hash, EqualsThePublishedValues) {
  EXPECT_EQ(hash64({}), 0x2d06800538d394c2u);
  EXPECT_EQ(hash128_hex(""), "99aa06d3014798d86001c324468d497f");
}

TEST(Hash, IsOfFixedWidthAndSeesEveryByte) {
  std::set<std::string> wide;
  std::set<std::uint64_t> narrow;
  for (int length = 0; length < 300; ++length) {
    std::string text(static_cast<std::size_t>(length), 'a');
    for (int changed = 0; changed <= (length > 0 ? 1 : 0); ++changed) {
      if (changed == 1) text.back() = 'b';
      const std::string hex = hash128_hex(text);
      EXPECT_EQ(hex.size(), 32u);
      EXPECT_EQ(hex.find_first_not_of("0123456789abcdef"), std::string::npos);
      wide.insert(hex);
      const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
      EXPECT_EQ(hash128_hex(bytes), hex);
      narrow.insert(hash64(bytes));
    }
  }
  EXPECT_EQ(wide.size(), 599u);
  EXPECT_EQ(narrow.size(), 599u);
}

}  // namespace
}  // namespace firstlight
