// Python's pickle format read as data: a bounded stack machine builds a tree, and nothing is ever called.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace firstlight::io {

// A value of the tree. Others are named by their index in PickleTree::nodes; one may be shared, or hold itself.
struct PickleNode {
  enum class Kind : std::uint8_t {
    kNone,
    kBool,        // integer: 0 or 1
    kInteger,     // integer
    kFloat,       // real
    kString,      // text: str or bytes
    kTuple,       // items
    kList,        // items
    kDict,        // pairs
    kGlobal,      // text: "module.name"
    kPersistent,  // items[0]: the id
    kReduce,      // items[0]: what would be called, items[1]: with what; pairs: members set on the result
  };
  Kind kind = Kind::kNone;
  std::int64_t integer = 0;
  double real = 0;
  std::string text = {};
  std::vector<std::uint32_t> items = {};
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs = {};
};

struct PickleTree {
  std::vector<PickleNode> nodes;
  std::uint32_t root = 0;

  const PickleNode& at(std::uint32_t index) const { return nodes[index]; }
};

// Reads one pickle of protocol 0 to 4, with the opcodes that torch.save and plain data need; `where` names it in
// errors. A state set on an object (BUILD) is read and dropped. Memory grows with the input by a constant factor at
// most. Throws kBadInput for a damaged stream, kUnsupported for another opcode or protocol, kResource beyond the
// limits.
PickleTree read_pickle(std::span<const std::byte> bytes, std::string_view where);

// "an integer", "a list" ... for errors.
std::string_view pickle_kind_name(PickleNode::Kind kind);

}  // namespace firstlight::io
