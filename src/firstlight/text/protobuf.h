// Reading of protocol buffer messages, field by field, within bounds
// (https://protobuf.dev/programming-guides/encoding/).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace firstlight::text {

class ProtobufReader {
 public:
  // `where` names the message in errors and must outlive the reader.
  ProtobufReader(std::string_view message, const std::string& where) : rest_(message), where_(where) {}

  struct Field {
    std::uint32_t number;
    std::uint64_t integer;   // of a varint or fixed-size field
    std::string_view bytes;  // of a length-delimited field
    bool is_bytes;

    // Each throws kBadInput when the field is of another kind.
    std::string_view text(const std::string& where) const;
    std::int64_t number_value(const std::string& where) const;
    float real(const std::string& where) const;
  };
  // The next field, or nullopt at the end. Throws kBadInput for anything malformed.
  std::optional<Field> next();

 private:
  std::uint64_t varint();
  std::uint64_t fixed(std::size_t bytes);

  std::string_view rest_;
  const std::string& where_;
};

}  // namespace firstlight::text
