// Pieces and their ids, both ways.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace firstlight::text {

// Ids above this are no vocabulary's; tables are sized by the largest id.
inline constexpr std::int64_t kMaxTokenId = (1 << 24) - 1;

class Vocabulary {
 public:
  Vocabulary() = default;
  enum class Repeats { kRefused, kLastCounts };
  // Throws kBadInput for a piece or an id that stands twice, an id out of range, or ids so sparse that most of the
  // table would be holes. A piece may stand twice if `repeats` says so: each id is that piece, which is the last id.
  Vocabulary(std::vector<std::pair<std::string, std::int64_t>> entries, std::string_view where,
             Repeats repeats = Repeats::kRefused);
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;
  Vocabulary(Vocabulary&&) = default;
  Vocabulary& operator=(Vocabulary&&) = default;

  std::optional<std::int32_t> id_of(std::string_view piece) const;
  const std::string* piece(std::int32_t id) const;  // nullptr where no piece has that id
  std::size_t size() const { return ids_.size(); }
  std::int32_t end() const { return static_cast<std::int32_t>(pieces_.size()); }  // the largest id + 1

 private:
  std::vector<std::string> pieces_;  // by id; a hole is an empty string that ids_ does not know
  std::unordered_map<std::string_view, std::int32_t> ids_;
};

}  // namespace firstlight::text
