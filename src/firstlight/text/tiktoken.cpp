// tiktoken's rank files: byte-level BPE without a list of merges. A token's merges are all its halves that are tokens;
// their order is that of the joint token's rank, as the converter of transformers has it.
#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "firstlight/base/error.h"
#include "firstlight/text/base64.h"
#include "firstlight/text/byte_level.h"
#include "firstlight/text/byte_level_parts.h"
#include "firstlight/text/lines.h"
#include "firstlight/text/tokenizer_parts.h"

namespace firstlight::text {
namespace {

// Looking for a token's halves costs the square of its length.
constexpr std::size_t kMaxTokenBytes = 1024;

struct Ranks {
  std::vector<std::pair<std::string, std::int64_t>> tokens;  // bytes, rank; by rank
  std::unordered_map<std::string_view, std::int64_t> by_bytes;
};

Ranks read_ranks(std::string_view text, const std::string& where) {
  Ranks ranks;
  for_each_line(text, [&](std::size_t number, std::string_view line) {
    if (line.empty()) return;
    const std::string place = fmt::format("{}: line {}", where, number);
    const std::size_t space = line.find(' ');
    const auto bytes = decode_base64(line.substr(0, space));
    std::int64_t rank = -1;
    const std::string_view digits = space == std::string_view::npos ? "" : line.substr(space + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
    if (!bytes || bytes->empty() || error != std::errc() || end != digits.data() + digits.size())
      fail(Category::kBadInput, place, "expected a token in base64, a space and its rank");
    if (bytes->size() > kMaxTokenBytes)
      fail(Category::kBadInput, place, "a token of {} bytes; at most {}", bytes->size(), kMaxTokenBytes);
    ranks.tokens.emplace_back(*bytes, rank);
  });
  if (ranks.tokens.empty()) fail(Category::kBadInput, where, "no ranks");
  std::stable_sort(ranks.tokens.begin(), ranks.tokens.end(),
                   [](const auto& a, const auto& b) { return a.second < b.second; });
  for (const auto& [bytes, rank] : ranks.tokens) ranks.by_bytes.emplace(bytes, rank);
  return ranks;
}

}  // namespace

TokenizerParts read_tiktoken(std::string_view text, const std::string& where) {
  const Ranks ranks = read_ranks(text, where);
  TokenizerFile file;
  file.has_vocab = file.has_merges = true;
  struct Halves {
    std::int64_t left_rank, right_rank;
    std::size_t cut;
  };
  std::vector<Halves> halves;
  for (const auto& [token, rank] : ranks.tokens) {
    file.vocab.emplace_back(bytes_to_characters(token), rank);
    halves.clear();
    const std::string_view bytes = token;
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      const auto left = ranks.by_bytes.find(bytes.substr(0, cut));
      if (left == ranks.by_bytes.end()) continue;
      const auto right = ranks.by_bytes.find(bytes.substr(cut));
      if (right != ranks.by_bytes.end()) halves.push_back({left->second, right->second, cut});
    }
    std::sort(halves.begin(), halves.end(), [](const Halves& a, const Halves& b) {
      return std::pair(a.left_rank, a.right_rank) < std::pair(b.left_rank, b.right_rank);
    });
    for (const Halves& half : halves)
      file.merges.emplace_back(bytes_to_characters(bytes.substr(0, half.cut)),
                               bytes_to_characters(bytes.substr(half.cut)));
  }
  // A word that is a token is that token, whatever its merges would give.
  file.root = byte_level_json({.split = kRanksSplit});
  file.root["model"]["ignore_merges"] = true;
  return make_parts(std::move(file), where);
}

}  // namespace firstlight::text
