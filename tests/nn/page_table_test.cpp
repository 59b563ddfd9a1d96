// Pages against a plain account of who holds what.
#include "firstlight/nn/page_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "firstlight/base/rng.h"
#include "firstlight/tensor/shape.h"

namespace firstlight::nn {
namespace {

std::vector<std::int32_t> row_of(const PageTable& table, int sequence) {
  const auto begin = table.entries().begin() + sequence * table.pages_per_sequence();
  return {begin, begin + table.pages_per_sequence()};
}

TEST(PageTable, HandsPagesOutInOrder) {
  PageTable table(2, 10, 4, 0);  // 3 pages each
  EXPECT_EQ(table.pages(), 6);
  table.grow(1, 5);
  table.grow(0, 1);
  table.grow(1, 8);  // still two pages
  table.grow(1, 9);
  EXPECT_EQ(row_of(table, 1), (std::vector<std::int32_t>{0, 1, 3}));
  EXPECT_EQ(row_of(table, 0), (std::vector<std::int32_t>{2, 0, 0}));
  const auto version = table.version();
  table.grow(1, 9);
  EXPECT_EQ(table.version(), version);
  table.trim(1, 4);
  EXPECT_GT(table.version(), version);
  EXPECT_EQ(row_of(table, 1), (std::vector<std::int32_t>{0, 0, 0}));
  EXPECT_EQ(table.pages_taken(1), 1);
}

TEST(PageTable, SeedPermutes) {
  const auto order = [](std::uint64_t seed) {
    PageTable table(1, 64, 1, seed);
    table.grow(0, 64);
    return row_of(table, 0);
  };
  EXPECT_EQ(order(5), order(5));
  EXPECT_NE(order(5), order(6));
  EXPECT_NE(order(5), order(0));
  std::vector<std::int32_t> sorted = order(5);
  std::ranges::sort(sorted);
  EXPECT_EQ(sorted, order(0));
}

TEST(PageTable, NoPageHasTwoOwners) {
  Rng rng(7);
  for (int round = 0; round < 50; ++round) {
    const int sequences = 1 + static_cast<int>(rng.below(5));
    const std::int64_t max_length = 1 + rng.below(40);
    const int page_size = 1 + static_cast<int>(rng.below(9));
    PageTable table(sequences, max_length, page_size, static_cast<std::uint64_t>(rng.below(3)));
    std::vector<std::int64_t> lengths(static_cast<std::size_t>(sequences));
    std::vector<std::vector<std::int32_t>> held(static_cast<std::size_t>(sequences));  // pages in position order
    for (int step = 0; step < 100; ++step) {
      const auto sequence = static_cast<std::size_t>(rng.below(sequences));
      const std::int64_t length = rng.below(max_length + 1);
      if (length >= lengths[sequence]) {
        table.grow(static_cast<int>(sequence), length);
      } else {
        table.trim(static_cast<int>(sequence), length);
      }
      lengths[sequence] = length;

      std::set<std::int32_t> owned;
      for (std::size_t s = 0; s < lengths.size(); ++s) {
        const auto pages = static_cast<std::size_t>(ceil_div(lengths[s], page_size));
        ASSERT_EQ(table.pages_taken(static_cast<int>(s)), static_cast<std::int64_t>(pages));
        std::vector<std::int32_t> now = row_of(table, static_cast<int>(s));
        now.resize(pages);
        // What was filled before stays where it is.
        const std::size_t kept = std::min(pages, held[s].size());
        ASSERT_TRUE(std::equal(now.begin(), now.begin() + static_cast<std::ptrdiff_t>(kept), held[s].begin()));
        held[s] = now;
        for (const std::int32_t page : now) {
          ASSERT_TRUE(page >= 0 && page < table.pages());
          ASSERT_TRUE(owned.insert(page).second) << "page " << page << " has two owners";
        }
      }
    }
  }
}

}  // namespace
}  // namespace firstlight::nn
