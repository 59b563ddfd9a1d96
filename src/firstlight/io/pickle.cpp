// The pickle stack machine. Source of the opcodes: Lib/pickletools.py of Python 3.11.
#include "firstlight/io/pickle.h"

#include <bit>
#include <cstring>
#include <map>

#include "firstlight/base/error.h"

namespace firstlight::io {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxNodes = std::size_t{1} << 21;

using Kind = PickleNode::Kind;

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, std::string_view where) : bytes_(bytes), where_(where) {
    if (bytes.size() > kMaxBytes)
      fail(Category::kResource, where, "a pickle of {} bytes; at most {} are read", bytes.size(), kMaxBytes);
  }

  PickleTree run() {
    while (step(take<std::uint8_t>())) {
    }
    tree_.root = pop();
    if (!stack_.empty() || !marks_.empty()) damaged("values are left on the stack at its end");
    return std::move(tree_);
  }

 private:
  // Executes one opcode; false at STOP.
  bool step(std::uint8_t opcode) {
    switch (opcode) {
      case 0x80: {  // PROTO
        const auto version = take<std::uint8_t>();
        if (version > 4) fail(Category::kUnsupported, where_, "pickle protocol {}; up to 4 is read", version);
        break;
      }
      case 0x95:
        take<std::uint64_t>();
        break;  // FRAME: its length is only a hint for reading ahead
      case '.':
        return false;  // STOP

      case 'N':
        push({.kind = Kind::kNone});
        break;
      case 0x88:
        push({.kind = Kind::kBool, .integer = 1});
        break;
      case 0x89:
        push({.kind = Kind::kBool, .integer = 0});
        break;
      case 'J':
        push_integer(take<std::int32_t>());
        break;
      case 'K':
        push_integer(take<std::uint8_t>());
        break;
      case 'M':
        push_integer(take<std::uint16_t>());
        break;
      case 0x8a:
        push_long(take<std::uint8_t>());
        break;  // LONG1
      case 'G':
        push_float();
        break;

      case 'X':
        push_text(take<std::uint32_t>());
        break;  // BINUNICODE
      case 0x8c:
        push_text(take<std::uint8_t>());
        break;  // SHORT_BINUNICODE
      case 0x8d:
        push_text(take<std::uint64_t>());
        break;  // BINUNICODE8
      case 'B':
        push_text(take<std::uint32_t>());
        break;  // BINBYTES
      case 'C':
        push_text(take<std::uint8_t>());
        break;  // SHORT_BINBYTES
      case 'T':
        push_text(take<std::uint32_t>());
        break;  // BINSTRING
      case 'U':
        push_text(take<std::uint8_t>());
        break;  // SHORT_BINSTRING

      case '}':
        push({.kind = Kind::kDict});
        break;
      case ']':
        push({.kind = Kind::kList});
        break;
      case ')':
        push({.kind = Kind::kTuple});
        break;
      case '(':
        marks_.push_back(stack_.size());
        break;
      case 't':
        push({.kind = Kind::kTuple, .items = pop_to_mark()});
        break;
      case 'l':
        push({.kind = Kind::kList, .items = pop_to_mark()});
        break;
      case 0x85:
        push({.kind = Kind::kTuple, .items = pop_many(1)});
        break;
      case 0x86:
        push({.kind = Kind::kTuple, .items = pop_many(2)});
        break;
      case 0x87:
        push({.kind = Kind::kTuple, .items = pop_many(3)});
        break;
      case 'a':
        append(pop_many(1));
        break;
      case 'e':
        append(pop_to_mark());
        break;
      case 's':
        set_items(pop_many(2));
        break;
      case 'u':
        set_items(pop_to_mark());
        break;
      case 'd': {  // DICT
        const std::vector<std::uint32_t> items = pop_to_mark();
        push({.kind = Kind::kDict});
        set_items(items);
        break;
      }

      case '0':
        pop();
        break;
      case '1':
        pop_to_mark();
        break;
      case '2': {  // DUP
        const std::uint32_t top = pop();
        stack_.push_back(top);
        stack_.push_back(top);
        break;
      }
      case 'q':
        put(take<std::uint8_t>());
        break;
      case 'r':
        put(take<std::uint32_t>());
        break;
      case 0x94:
        put(static_cast<std::uint32_t>(memo_.size()));
        break;  // MEMOIZE
      case 'h':
        get(take<std::uint8_t>());
        break;
      case 'j':
        get(take<std::uint32_t>());
        break;

      case 'c': {  // GLOBAL
        const std::string_view module = take_line();
        const std::string_view name = take_line();
        push({.kind = Kind::kGlobal, .text = fmt::format("{}.{}", module, name)});
        break;
      }
      case 0x93: {  // STACK_GLOBAL
        const std::vector<std::uint32_t> names = pop_many(2);
        const PickleNode& module = tree_.at(names[0]);
        const PickleNode& name = tree_.at(names[1]);
        if (module.kind != Kind::kString || name.kind != Kind::kString) damaged("a global's name is not a string");
        push({.kind = Kind::kGlobal, .text = fmt::format("{}.{}", module.text, name.text)});
        break;
      }
      case 'Q':
        push({.kind = Kind::kPersistent, .items = pop_many(1)});
        break;
      case 'R': {  // REDUCE
        std::vector<std::uint32_t> call = pop_many(2);
        if (tree_.at(call[0]).kind != Kind::kGlobal || tree_.at(call[1]).kind != Kind::kTuple)
          damaged("a call is not a global with a tuple");
        push({.kind = Kind::kReduce, .items = std::move(call)});
        break;
      }
      case 'b': {  // BUILD: attributes of the object below, none of which is needed to read tensors
        pop();
        stack_.push_back(pop());
        break;
      }
      default:
        fail(Category::kUnsupported, where_, "pickle opcode 0x{:02x} at byte {} is not one of plain data", opcode,
             position_ - 1);
    }
    return true;
  }

  [[noreturn]] void damaged(std::string_view what) const {
    fail(Category::kBadInput, where_, "damaged pickle: {} (before byte {})", what, position_);
  }

  std::span<const std::byte> take_bytes(std::uint64_t count) {
    if (count > bytes_.size() - position_) damaged("it is cut off");
    const auto taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }
  template <typename Integer>
  Integer take() {
    static_assert(std::endian::native == std::endian::little);
    Integer value;
    std::memcpy(&value, take_bytes(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view take_line() {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + position_, bytes_.size() - position_);
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) damaged("a line has no end");
    position_ += end + 1;
    return rest.substr(0, end);
  }

  void push(PickleNode node) {
    if (tree_.nodes.size() >= kMaxNodes)
      fail(Category::kResource, where_, "a pickle of more than {} values", kMaxNodes);
    stack_.push_back(static_cast<std::uint32_t>(tree_.nodes.size()));
    tree_.nodes.push_back(std::move(node));
  }
  void push_integer(std::int64_t value) { push({.kind = Kind::kInteger, .integer = value}); }
  void push_long(std::uint8_t count) {
    const auto digits = take_bytes(count);  // little-endian, two's complement
    if (count > 8) fail(Category::kUnsupported, where_, "an integer of {} bytes; at most 8 are read", count);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value |= std::to_integer<std::uint64_t>(digits[i]) << (8 * i);
    const bool negative = count > 0 && std::to_integer<unsigned>(digits[count - 1u]) >= 0x80;
    if (negative && count < 8) value |= ~std::uint64_t{0} << (8 * count);
    push_integer(static_cast<std::int64_t>(value));
  }
  void push_float() {
    const auto big_endian = take<std::uint64_t>();
    push({.kind = Kind::kFloat, .real = std::bit_cast<double>(__builtin_bswap64(big_endian))});
  }
  void push_text(std::uint64_t count) {
    const auto text = take_bytes(count);
    push({.kind = Kind::kString, .text = std::string(reinterpret_cast<const char*>(text.data()), text.size())});
  }

  // Values below the innermost mark are out of reach.
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  std::uint32_t pop() {
    if (stack_.size() <= floor()) damaged("the stack is empty");
    const std::uint32_t top = stack_.back();
    stack_.pop_back();
    return top;
  }
  std::vector<std::uint32_t> pop_many(std::size_t count) {
    if (stack_.size() < floor() + count) damaged("the stack is empty");
    return pop_from(stack_.size() - count);
  }
  std::vector<std::uint32_t> pop_to_mark() {
    if (marks_.empty()) damaged("there is no mark");
    const std::size_t begin = marks_.back();
    marks_.pop_back();
    return pop_from(begin);
  }
  std::vector<std::uint32_t> pop_from(std::size_t begin) {
    const std::vector<std::uint32_t> taken(stack_.begin() + static_cast<std::ptrdiff_t>(begin), stack_.end());
    stack_.resize(begin);
    return taken;
  }
  PickleNode& top() {
    if (stack_.size() <= floor()) damaged("the stack is empty");
    return tree_.nodes[stack_.back()];
  }

  void append(const std::vector<std::uint32_t>& items) {
    PickleNode& list = top();
    if (list.kind != Kind::kList) damaged("items are appended to something that is no list");
    list.items.insert(list.items.end(), items.begin(), items.end());
  }
  void set_items(const std::vector<std::uint32_t>& items) {
    PickleNode& dict = top();
    if (dict.kind != Kind::kDict && dict.kind != Kind::kReduce) damaged("members are set on something that is no dict");
    if (items.size() % 2 != 0) damaged("a key has no value");
    for (std::size_t i = 0; i < items.size(); i += 2) dict.pairs.emplace_back(items[i], items[i + 1]);
  }

  void put(std::uint32_t slot) {
    if (stack_.size() <= floor()) damaged("the stack is empty");
    memo_[slot] = stack_.back();
  }
  void get(std::uint32_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) damaged("a memo slot is read before it is written");
    stack_.push_back(found->second);
  }

  std::span<const std::byte> bytes_;
  std::string_view where_;
  std::size_t position_ = 0;
  PickleTree tree_;
  std::vector<std::uint32_t> stack_;
  std::vector<std::size_t> marks_;  // stack heights
  std::map<std::uint32_t, std::uint32_t> memo_;
};

}  // namespace

PickleTree read_pickle(std::span<const std::byte> bytes, std::string_view where) { return Machine(bytes, where).run(); }

std::string_view pickle_kind_name(PickleNode::Kind kind) {
  switch (kind) {
    case Kind::kNone:
      return "None";
    case Kind::kBool:
      return "a bool";
    case Kind::kInteger:
      return "an integer";
    case Kind::kFloat:
      return "a float";
    case Kind::kString:
      return "a string";
    case Kind::kTuple:
      return "a tuple";
    case Kind::kList:
      return "a list";
    case Kind::kDict:
      return "a dict";
    case Kind::kGlobal:
      return "a global";
    case Kind::kPersistent:
      return "a persistent id";
    case Kind::kReduce:
      return "a call";
  }
  return "a value";
}

}  // namespace firstlight::io
