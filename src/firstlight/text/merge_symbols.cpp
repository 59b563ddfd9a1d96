// Short words scan an array of ranks for the lowest. Long ones (a whole text, where nothing splits it) keep a heap of
// candidate merges over a linked list of symbols, which is O(n log n).
#include "firstlight/text/merge_symbols.h"

#include <algorithm>
#include <array>
#include <queue>
#include <vector>

namespace firstlight::text {
namespace {

// Up to here scanning costs less than a heap.
constexpr std::size_t kMaxScanned = 48;
constexpr std::uint32_t kNoMerge = ~std::uint32_t{0};

std::size_t merge_scanning(const MergeTable& merges, std::span<std::int32_t> symbols) {
  std::size_t count = symbols.size();
  std::array<MergeTable::Merge, kMaxScanned> pairs;  // of each symbol with the next
  const auto look_up = [&](std::size_t i) {
    const auto* merge = merges.find(symbols[i], symbols[i + 1]);
    pairs[i] = merge != nullptr ? *merge : MergeTable::Merge{kNoMerge, 0};
  };
  for (std::size_t i = 0; i + 1 < count; ++i) look_up(i);
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i)
      if (pairs[i].rank < pairs[best].rank) best = i;
    if (pairs[best].rank == kNoMerge) break;
    symbols[best] = pairs[best].id;
    std::copy(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 2,
              symbols.begin() + static_cast<std::ptrdiff_t>(count),
              symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    std::copy(pairs.begin() + best + 1, pairs.begin() + (count - 1), pairs.begin() + best);
    --count;
    if (best > 0) look_up(best - 1);
    if (best + 1 < count) look_up(best);
  }
  return count;
}

struct Link {
  std::int32_t previous, next;  // -1 at the ends
  bool removed;
};

struct Candidate {
  std::uint32_t rank;
  std::int32_t position;
  std::int32_t id;
};
// For a heap whose top is the lowest rank, leftmost.
struct Later {
  bool operator()(const Candidate& a, const Candidate& b) const {
    return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
  }
};

std::size_t merge_by_heap(const MergeTable& merges, std::span<std::int32_t> symbols) {
  const auto count = static_cast<std::int32_t>(symbols.size());
  std::vector<Link> links(symbols.size());
  std::vector<Candidate> found;
  const auto id_at = [&](std::int32_t i) -> std::int32_t& { return symbols[static_cast<std::size_t>(i)]; };
  const auto link_at = [&](std::int32_t i) -> Link& { return links[static_cast<std::size_t>(i)]; };
  for (std::int32_t i = 0; i < count; ++i) {
    link_at(i) = {i - 1, i + 1 < count ? i + 1 : -1, false};
    if (i + 1 == count) break;
    if (const auto* merge = merges.find(id_at(i), id_at(i + 1))) found.push_back({merge->rank, i, merge->id});
  }
  std::priority_queue<Candidate, std::vector<Candidate>, Later> heap(Later{}, std::move(found));
  const auto offer = [&](std::int32_t left, std::int32_t right) {
    if (left < 0 || right < 0) return;
    if (const auto* merge = merges.find(id_at(left), id_at(right))) heap.push({merge->rank, left, merge->id});
  };
  while (!heap.empty()) {
    const Candidate best = heap.top();
    heap.pop();
    Link& left = link_at(best.position);
    if (left.removed || left.next < 0) continue;
    // The candidate is stale when one of its sides has been merged since.
    const auto* merge = merges.find(id_at(best.position), id_at(left.next));
    if (merge == nullptr || merge->id != best.id) continue;
    Link& right = link_at(left.next);
    id_at(best.position) = best.id;
    left.next = right.next;
    right.removed = true;
    if (right.next >= 0) link_at(right.next).previous = best.position;
    offer(left.previous, best.position);
    offer(best.position, left.next);
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < symbols.size(); ++i)
    if (!links[i].removed) symbols[kept++] = symbols[i];
  return kept;
}

}  // namespace

std::size_t merge_symbols(const MergeTable& merges, std::span<std::int32_t> symbols) {
  if (symbols.size() < 2) return symbols.size();
  return symbols.size() <= kMaxScanned ? merge_scanning(merges, symbols) : merge_by_heap(merges, symbols);
}

}  // namespace firstlight::text
