// The byte alphabet of byte-level BPE: each byte is written as one printable character.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace firstlight::text {

// UTF-8 bytes -> one character a byte ("Hi there" -> "HiĠthere").
std::string bytes_to_characters(std::string_view bytes);
void append_characters(std::string& out, std::string_view bytes);
// The inverse; nullopt when a character is not in the alphabet.
std::optional<std::string> characters_to_bytes(std::string_view characters);

}  // namespace firstlight::text
