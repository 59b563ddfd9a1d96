// Words and their ids as found before. Text repeats its words: most are looked up here and never reach the model.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace firstlight::text {

// Fixed in size; when full it forgets everything. For one thread at a time.
class WordCache {
 public:
  static constexpr std::size_t kMaxWordBytes = 48;  // longer words hardly repeat

  // Appends the ids of `word` and returns true if they are known.
  bool find(std::string_view word, std::vector<std::int32_t>& ids) const {
    if (slots_.empty()) return false;
    const Slot& slot = slots_[slot_of(word)];
    if (slot.bytes == 0) return false;
    const std::int32_t* from = ids_.data() + slot.ids_begin;
    ids.insert(ids.end(), from, from + slot.id_count);
    return true;
  }
  // `word` is not known yet and 1 to kMaxWordBytes long.
  void insert(std::string_view word, std::span<const std::int32_t> ids) {
    if (slots_.empty()) slots_.resize(kSlots);
    if (used_ == kSlots / 2) {
      std::fill(slots_.begin(), slots_.end(), Slot{});
      words_.clear();
      ids_.clear();
      used_ = 0;
    }
    ++used_;
    slots_[slot_of(word)] = {hash(word), static_cast<std::uint32_t>(words_.size()),
                             static_cast<std::uint32_t>(ids_.size()), static_cast<std::uint16_t>(word.size()),
                             static_cast<std::uint16_t>(ids.size())};
    words_ += word;
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }

 private:
  static constexpr std::size_t kSlots = std::size_t{1} << 16;
  struct Slot {
    std::uint32_t hash;
    std::uint32_t word_begin, ids_begin;
    std::uint16_t bytes = 0;  // 0: free
    std::uint16_t id_count;
  };

  static std::uint32_t hash(std::string_view word) {
    std::uint64_t mixed = word.size() * 0x9E3779B97F4A7C15u;
    while (word.size() >= 8) {
      mixed = (mixed ^ load(word.data(), 8)) * 0xD6E8FEB86659FD93u;
      mixed ^= mixed >> 32;
      word.remove_prefix(8);
    }
    mixed = (mixed ^ load(word.data(), word.size())) * 0xD6E8FEB86659FD93u;
    return static_cast<std::uint32_t>(mixed >> 32 ^ mixed >> 11);
  }
  static std::uint64_t load(const char* bytes, std::size_t count) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes, count);
    return value;
  }
  // Where the word is, or is to be.
  std::size_t slot_of(std::string_view word) const {
    const std::uint32_t wanted = hash(word);
    for (std::size_t at = wanted & (kSlots - 1);; at = (at + 1) & (kSlots - 1)) {
      const Slot& slot = slots_[at];
      if (slot.bytes == 0) return at;
      if (slot.hash == wanted && slot.bytes == word.size() &&
          std::memcmp(words_.data() + slot.word_begin, word.data(), word.size()) == 0)
        return at;
    }
  }

  std::vector<Slot> slots_;  // none until the first word
  std::string words_;
  std::vector<std::int32_t> ids_;
  std::size_t used_ = 0;
};

}  // namespace firstlight::text
