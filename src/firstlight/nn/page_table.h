// Which page of a cache holds which positions of which sequence. Host side only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace firstlight::nn {

// There are pages for every sequence at its full length, so that taking one never fails; they are handed out as
// sequences grow, in order or in a seeded permutation of it, and come back when a sequence is trimmed.
class PageTable {
 public:
  // page_seed 0: pages 0, 1, 2 ...
  PageTable(int sequences, std::int64_t max_length, int page_size, std::uint64_t page_seed);

  int sequences() const { return static_cast<int>(taken_.size()); }
  int page_size() const { return page_size_; }
  std::int64_t pages() const { return sequences() * pages_per_sequence_; }
  std::int64_t pages_per_sequence() const { return pages_per_sequence_; }
  std::int64_t pages_taken(int sequence) const;

  // Takes the pages that `length` positions need (never gives any back). length <= max_length.
  void grow(int sequence, std::int64_t length);
  // Gives back the pages that `length` positions do not need.
  void trim(int sequence, std::int64_t length);
  // The page of each block of positions, [sequences, pages_per_sequence]; 0 where none is taken.
  std::span<const std::int32_t> entries() const { return entries_; }
  // Counts the changes of entries(), so that copies of it know when they are old.
  std::int64_t version() const { return version_; }

 private:
  std::int32_t& entry(int sequence, std::int64_t index);

  int page_size_;
  std::int64_t pages_per_sequence_;
  std::vector<std::int64_t> taken_;  // pages of each sequence
  std::vector<std::int32_t> entries_;
  std::vector<std::int32_t> free_;  // the last one is handed out next
  std::int64_t version_ = 1;
};

}  // namespace firstlight::nn
