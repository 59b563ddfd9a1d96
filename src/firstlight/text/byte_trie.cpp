// Built level by level from the sorted strings: each node owns the stretch of strings that begin with it.
#include "firstlight/text/byte_trie.h"

#include <algorithm>

namespace firstlight::text {

ByteTrie::ByteTrie(std::vector<Entry> entries) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.first < b.first; });
  struct Stretch {
    std::size_t begin, end, depth;
  };
  std::vector<Stretch> stretches{{0, entries.size(), 0}};
  nodes_.emplace_back();
  labels_.push_back(0);
  for (std::uint32_t node = 0; node < nodes_.size(); ++node) {
    auto [at, end, depth] = stretches[node];
    nodes_[node].children = static_cast<std::uint32_t>(nodes_.size());
    for (; at < end && entries[at].first.size() == depth; ++at)
      if (nodes_[node].value < 0 && depth > 0) nodes_[node].value = entries[at].second;
    while (at < end) {
      const char label = entries[at].first[depth];
      std::size_t next = at + 1;
      while (next < end && entries[next].first[depth] == label) ++next;
      nodes_.emplace_back();
      labels_.push_back(label);
      stretches.push_back({at, next, depth + 1});
      at = next;
    }
    nodes_[node].count = static_cast<std::uint32_t>(nodes_.size()) - nodes_[node].children;
  }
  for (std::uint32_t i = 0; i < nodes_[0].count; ++i)
    first_[static_cast<std::uint8_t>(labels_[nodes_[0].children + i])] = nodes_[0].children + i;
}

std::optional<ByteTrie::Found> ByteTrie::longest_at(std::string_view text, std::size_t begin) const {
  std::optional<Found> longest;
  std::uint32_t node = root();
  for (std::size_t i = begin; i < text.size(); ++i) {
    node = step(node, text[i]);
    if (node == kNone) break;
    if (value(node) >= 0) longest = Found{{begin, i + 1}, value(node)};
  }
  return longest;
}

std::optional<ByteTrie::Found> ByteTrie::find(std::string_view text, std::size_t from) const {
  if (empty()) return std::nullopt;
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (first_[static_cast<std::uint8_t>(text[begin])] == kNone) continue;
    if (const auto found = longest_at(text, begin)) return found;
  }
  return std::nullopt;
}

}  // namespace firstlight::text
