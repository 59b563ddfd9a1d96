// A set of byte strings with a value each, read byte by byte: children stand side by side, found by memchr.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "firstlight/text/regex.h"

namespace firstlight::text {

class ByteTrie {
 public:
  using Entry = std::pair<std::string_view, std::int32_t>;  // values are not negative

  ByteTrie() : ByteTrie(std::vector<Entry>{}) {}
  // Of a string that stands twice the first value stays. Empty strings are left out.
  explicit ByteTrie(std::vector<Entry> entries);

  static constexpr std::uint32_t kNone = 0;  // the root is nobody's child
  std::uint32_t root() const { return kNone; }
  // The child of `node` by `byte`, or kNone.
  std::uint32_t step(std::uint32_t node, char byte) const {
    if (node == kNone) return first_[static_cast<std::uint8_t>(byte)];
    const Node& at = nodes_[node];
    if (at.count == 0) return kNone;
    const char* labels = labels_.data() + at.children;
    const void* found = std::memchr(labels, byte, at.count);
    if (found == nullptr) return kNone;
    return at.children + static_cast<std::uint32_t>(static_cast<const char*>(found) - labels);
  }
  std::int32_t value(std::uint32_t node) const { return nodes_[node].value; }  // -1: no string ends here

  bool empty() const { return nodes_.size() == 1; }
  struct Found {
    Range range;
    std::int32_t value;
  };
  // The longest string that `text` begins with at `begin`.
  std::optional<Found> longest_at(std::string_view text, std::size_t begin) const;
  // Leftmost from `from` on, then longest.
  std::optional<Found> find(std::string_view text, std::size_t from) const;

 private:
  struct Node {
    std::uint32_t children = 0;  // the first child; the others follow
    std::uint32_t count = 0;
    std::int32_t value = -1;
  };
  std::vector<Node> nodes_;
  std::vector<char> labels_;                // by node: the byte that leads to it
  std::array<std::uint32_t, 256> first_{};  // the root's children
};

}  // namespace firstlight::text
