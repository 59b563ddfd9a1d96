// Wire types: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes; groups (3, 4) are in no file of ours.
#include "firstlight/text/protobuf.h"

#include <bit>

#include "firstlight/base/error.h"

namespace firstlight::text {

std::uint64_t ProtobufReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) fail(Category::kBadInput, where_, "a protocol buffer ends inside a number");
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
  fail(Category::kBadInput, where_, "a number of more than 64 bits in a protocol buffer");
}

std::uint64_t ProtobufReader::fixed(std::size_t bytes) {
  if (rest_.size() < bytes) fail(Category::kBadInput, where_, "a protocol buffer ends inside a field");
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value |= std::uint64_t{static_cast<std::uint8_t>(rest_[i])} << (8 * i);
  rest_.remove_prefix(bytes);
  return value;
}

std::optional<ProtobufReader::Field> ProtobufReader::next() {
  if (rest_.empty()) return std::nullopt;
  const std::uint64_t tag = varint();
  if (tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF) fail(Category::kBadInput, where_, "field number {}", tag >> 3);
  Field field{static_cast<std::uint32_t>(tag >> 3), 0, {}, false};
  switch (tag & 7) {
    case 0:
      field.integer = varint();
      break;
    case 1:
      field.integer = fixed(8);
      break;
    case 2: {
      const std::uint64_t size = varint();
      if (size > rest_.size())
        fail(Category::kBadInput, where_, "field {} has {} bytes, {} are left", field.number, size, rest_.size());
      field.bytes = rest_.substr(0, static_cast<std::size_t>(size));
      field.is_bytes = true;
      rest_.remove_prefix(static_cast<std::size_t>(size));
      break;
    }
    case 5:
      field.integer = fixed(4);
      break;
    default:
      fail(Category::kBadInput, where_, "field {} has wire type {}", field.number, tag & 7);
  }
  return field;
}

std::string_view ProtobufReader::Field::text(const std::string& where) const {
  if (!is_bytes) fail(Category::kBadInput, where, "field {}: expected bytes", number);
  return bytes;
}

std::int64_t ProtobufReader::Field::number_value(const std::string& where) const {
  if (is_bytes) fail(Category::kBadInput, where, "field {}: expected a number", number);
  return static_cast<std::int64_t>(integer);
}

float ProtobufReader::Field::real(const std::string& where) const {
  if (is_bytes || integer > 0xFFFFFFFFu) fail(Category::kBadInput, where, "field {}: expected a 32-bit real", number);
  return std::bit_cast<float>(static_cast<std::uint32_t>(integer));
}

}  // namespace firstlight::text
