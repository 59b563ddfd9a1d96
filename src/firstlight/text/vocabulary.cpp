// Checks, then two tables. The map's keys view the strings of the vector, which never changes again.
#include "firstlight/text/vocabulary.h"

#include <algorithm>

#include "firstlight/base/error.h"

namespace firstlight::text {

Vocabulary::Vocabulary(std::vector<std::pair<std::string, std::int64_t>> entries, std::string_view where,
                       Repeats repeats) {
  std::int64_t largest = -1;
  for (const auto& [piece, id] : entries) {
    if (id < 0 || id > kMaxTokenId)
      fail(Category::kBadInput, where, "'{}' has id {}; ids are from 0 to {}", piece, id, kMaxTokenId);
    largest = std::max(largest, id);
  }
  if (largest > 4 * static_cast<std::int64_t>(entries.size()) + 65536)
    fail(Category::kBadInput, where, "the largest id is {} for {} pieces", largest, entries.size());
  pieces_.resize(static_cast<std::size_t>(largest + 1));
  std::vector<bool> taken(pieces_.size());
  ids_.reserve(entries.size());
  for (auto& [piece, id] : entries) {
    const auto index = static_cast<std::size_t>(id);
    if (taken[index]) fail(Category::kBadInput, where, "id {} stands twice: '{}' and '{}'", id, pieces_[index], piece);
    taken[index] = true;
    pieces_[index] = std::move(piece);
    const auto [entry, fresh] = ids_.emplace(pieces_[index], static_cast<std::int32_t>(id));
    if (!fresh && repeats == Repeats::kRefused)
      fail(Category::kBadInput, where, "piece '{}' stands twice", pieces_[index]);
    entry->second = static_cast<std::int32_t>(id);
  }
}

std::optional<std::int32_t> Vocabulary::id_of(std::string_view piece) const {
  const auto found = ids_.find(piece);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

const std::string* Vocabulary::piece(std::int32_t id) const {
  if (id < 0 || id >= end()) return nullptr;
  const std::string& piece = pieces_[static_cast<std::size_t>(id)];
  if (piece.empty() && id_of(piece) != id) return nullptr;
  return &piece;
}

}  // namespace firstlight::text
