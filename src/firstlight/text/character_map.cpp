// A unit: label in bits 0-7 (and 31, which no byte has), bit 8 = a value hangs below, bit 9 = the offset counts in
// 256s, offset from bit 10. The child of a node by byte b stands at (node's place ^ offset ^ b).
#include "firstlight/text/character_map.h"

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

// Unicode's longest compatibility decomposition takes 33 bytes; a longer replacement is damage.
constexpr std::size_t kMaxReplacementBytes = 1024;

std::uint32_t u32_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::uint32_t{static_cast<std::uint8_t>(bytes[at + i])} << (8 * i);
  return value;
}

std::size_t offset_of(std::uint32_t unit) { return std::size_t{unit >> 10} << ((unit & (1u << 9)) >> 6); }

}  // namespace

CharacterMap::CharacterMap(std::string_view bytes, const std::string& where) {
  if (bytes.size() < 4) fail(Category::kBadInput, where, "a character map of {} bytes", bytes.size());
  const std::size_t size = u32_at(bytes, 0);
  if (size % 4 != 0 || size == 0 || size > bytes.size() - 4)
    fail(Category::kBadInput, where, "a trie of {} bytes in a character map of {}", size, bytes.size());
  units_.resize(size / 4);
  for (std::size_t i = 0; i < units_.size(); ++i) units_[i] = u32_at(bytes, 4 + 4 * i);
  replacements_ = bytes.substr(4 + size);
  if (!is_valid_utf8(replacements_)) fail(Category::kBadInput, where, "the replacements of a character map: not UTF-8");
  std::size_t run = 0;
  for (const char c : replacements_) {
    run = c == '\0' ? 0 : run + 1;
    if (run > kMaxReplacementBytes)
      fail(Category::kBadInput, where, "a replacement of more than {} bytes", kMaxReplacementBytes);
  }
}

std::optional<CharacterMap::Match> CharacterMap::find(std::string_view text, bool first) const {
  std::optional<Match> found;
  std::size_t node = offset_of(units_[0]);
  for (std::size_t i = 0; i < text.size() && text[i] != '\0'; ++i) {
    const auto byte = static_cast<std::uint8_t>(text[i]);
    node ^= byte;
    if (node >= units_.size()) return found;
    const std::uint32_t unit = units_[node];
    if ((unit & (1u << 31 | 0xFFu)) != byte) return found;
    node ^= offset_of(unit);
    if ((unit & 1u << 8) == 0) continue;
    if (node >= units_.size()) return found;
    const std::size_t at = units_[node] & ~(1u << 31);
    // A value that points outside of the replacements, or into a character, names none.
    if (at > replacements_.size() || (at < replacements_.size() && (replacements_[at] & 0xC0) == 0x80)) return found;
    const std::size_t end = std::min(replacements_.find('\0', at), replacements_.size());
    found = Match{i + 1, std::string_view(replacements_).substr(at, end - at)};
    if (first) return found;
  }
  return found;
}

}  // namespace firstlight::text
