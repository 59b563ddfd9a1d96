// 128-bit content hashes (XXH3) as fixed-width hex, and 64-bit block checksums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace firstlight {

std::uint64_t hash64(std::span<const std::byte> bytes);
// 32 hex digits.
std::string hash128_hex(std::span<const std::byte> bytes);
std::string hash128_hex(std::string_view text);

}  // namespace firstlight
