// Printable Latin-1 stands for itself; the other 68 bytes become U+0100 and on, in order (Radford et al., 2019).
#include "firstlight/text/byte_level.h"

#include <array>
#include <cstdint>

#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

constexpr bool is_printable(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

constexpr std::array<char16_t, 256> make_characters() {
  std::array<char16_t, 256> characters{};
  char16_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) characters[byte] = is_printable(byte) ? static_cast<char16_t>(byte) : next++;
  return characters;
}
constexpr std::array<char16_t, 256> kCharacters = make_characters();
constexpr std::size_t kAlphabetEnd = 0x100 + 68;

constexpr std::array<std::int16_t, kAlphabetEnd> make_bytes() {
  std::array<std::int16_t, kAlphabetEnd> bytes{};
  for (std::int16_t& byte : bytes) byte = -1;
  for (int byte = 0; byte < 256; ++byte) bytes[kCharacters[byte]] = static_cast<std::int16_t>(byte);
  return bytes;
}
constexpr std::array<std::int16_t, kAlphabetEnd> kBytes = make_bytes();

}  // namespace

void append_characters(std::string& out, std::string_view bytes) {
  out.reserve(out.size() + bytes.size() + bytes.size() / 2);
  for (const char byte : bytes) append_utf8(out, kCharacters[static_cast<std::uint8_t>(byte)]);
}

std::string bytes_to_characters(std::string_view bytes) {
  std::string characters;
  append_characters(characters, bytes);
  return characters;
}

std::optional<std::string> characters_to_bytes(std::string_view characters) {
  std::string bytes;
  bytes.reserve(characters.size());
  for (std::size_t i = 0; i < characters.size();) {
    const CodePoint c = code_point_at(characters, i);
    if (c.value >= kAlphabetEnd || kBytes[c.value] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(kBytes[c.value]));
    i += c.bytes;
  }
  return bytes;
}

}  // namespace firstlight::text
