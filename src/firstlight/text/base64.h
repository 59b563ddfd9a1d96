// Base64 (RFC 4648, the alphabet with + and /), strict: what tokenizer files carry bytes in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace firstlight::text {

// nullopt for anything but whole groups of four with correct padding.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace firstlight::text
