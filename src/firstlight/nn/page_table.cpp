// Pages are handed out from a stack.
#include "firstlight/nn/page_table.h"

#include <algorithm>
#include <utility>

#include "firstlight/base/error.h"
#include "firstlight/base/rng.h"
#include "firstlight/tensor/shape.h"

namespace firstlight::nn {

PageTable::PageTable(int sequences, std::int64_t max_length, int page_size, std::uint64_t page_seed)
    : page_size_(page_size), pages_per_sequence_(ceil_div(max_length, page_size)) {
  FL_CHECK(sequences > 0 && max_length > 0 && page_size > 0);
  FL_CHECK(pages_per_sequence_ <= std::int64_t{0x7fffffff} / sequences);  // a page's index is an i32
  taken_.resize(static_cast<std::size_t>(sequences));
  entries_.resize(static_cast<std::size_t>(pages()));
  free_.resize(entries_.size());
  for (std::size_t i = 0; i < free_.size(); ++i) free_[i] = static_cast<std::int32_t>(free_.size() - 1 - i);
  if (page_seed == 0) return;
  Rng rng(page_seed);
  for (std::size_t i = free_.size(); i > 1; --i) {
    std::swap(free_[i - 1], free_[static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(i)))]);
  }
}

std::int64_t PageTable::pages_taken(int sequence) const { return taken_.at(static_cast<std::size_t>(sequence)); }

std::int32_t& PageTable::entry(int sequence, std::int64_t index) {
  return entries_[static_cast<std::size_t>(sequence * pages_per_sequence_ + index)];
}

void PageTable::grow(int sequence, std::int64_t length) {
  std::int64_t& taken = taken_.at(static_cast<std::size_t>(sequence));
  const std::int64_t needed = ceil_div(length, page_size_);
  FL_CHECK(needed <= pages_per_sequence_);
  for (; taken < needed; ++taken, ++version_) {
    entry(sequence, taken) = free_.back();
    free_.pop_back();
  }
}

void PageTable::trim(int sequence, std::int64_t length) {
  std::int64_t& taken = taken_.at(static_cast<std::size_t>(sequence));
  for (const std::int64_t needed = ceil_div(length, page_size_); taken > needed; ++version_) {
    std::int32_t& last = entry(sequence, --taken);
    free_.push_back(std::exchange(last, 0));
  }
}

}  // namespace firstlight::nn
