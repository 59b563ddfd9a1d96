// sentencepiece's two algorithms on its own terms: scores instead of ranks, user-defined pieces that nothing splits,
// unknown characters that may still merge into a known piece.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>

#include "firstlight/base/error.h"
#include "firstlight/text/byte_trie.h"
#include "firstlight/text/merge_symbols.h"
#include "firstlight/text/sentencepiece.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

constexpr float kUnknownCost = 10.0f;

// What both share: the vocabulary, and what becomes of unknown characters.
class SentencePieceModel : public Model {
 public:
  SentencePieceModel(const SentencePieceFile& file, const std::string& where) : unknown_(file.unknown_id) {
    std::vector<std::pair<std::string, std::int64_t>> entries;
    std::vector<ByteTrie::Entry> own;
    for (const auto& entry : file.pieces) {
      const auto id = static_cast<std::int32_t>(entries.size());
      entries.emplace_back(entry.piece, id);
      if (entry.type == PieceType::kUserDefined) own.emplace_back(entry.piece, id);
    }
    vocabulary_ = Vocabulary(std::move(entries), where);
    user_defined_ = ByteTrie(std::move(own));
    if (!file.byte_fallback) return;
    for (int byte = 0; byte < 256; ++byte) {
      const std::string piece = fmt::format("<0x{:02X}>", byte);
      const auto id = vocabulary_.id_of(piece);
      if (!id || file.pieces[static_cast<std::size_t>(*id)].type != PieceType::kByte)
        fail(Category::kBadInput, where, "byte_fallback is on, but '{}' is no piece of type byte", piece);
      byte_ids_.push_back(*id);
    }
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 protected:
  // Unknown characters become their bytes, or a run of them one unknown piece.
  void add_unknown(std::string_view character, bool after_unknown, std::vector<std::int32_t>& ids) const {
    if (!byte_ids_.empty())
      for (const char byte : character) ids.push_back(byte_ids_[static_cast<std::uint8_t>(byte)]);
    else if (!after_unknown)
      ids.push_back(unknown_);
  }

  std::int32_t unknown_;
  ByteTrie user_defined_;

 private:
  Vocabulary vocabulary_;
  std::vector<std::int32_t> byte_ids_;  // by byte; none without byte fallback
};

// The pair whose joint piece scores highest is joined first, leftmost of equal ones. A character that is no piece has a
// stand-in below zero until the end, since it may be half of a piece.
class SentencePieceBpe : public SentencePieceModel {
 public:
  SentencePieceBpe(const SentencePieceFile& file, const std::string& where) : SentencePieceModel(file, where) {
    std::vector<float> scores;
    for (const auto& entry : file.pieces)
      if (entry.type == PieceType::kNormal) scores.push_back(entry.score);
    std::sort(scores.begin(), scores.end(), std::greater<>());
    is_symbol_.resize(file.pieces.size());
    for (std::size_t id = 0; id < file.pieces.size(); ++id)
      is_symbol_[id] = file.pieces[id].type == PieceType::kNormal || file.pieces[id].type == PieceType::kUserDefined;
    // An unknown mark could be one piece with an unknown character before it.
    cuts_at_mark_ = user_defined_.empty() && *symbol_of(kSpaceMark) >= 0;
    std::vector<std::pair<std::pair<std::int32_t, std::int32_t>, MergeTable::Merge>> found;
    for (std::size_t id = 0; id < file.pieces.size(); ++id) {
      const auto& [piece, score, type] = file.pieces[id];
      if (type != PieceType::kNormal) continue;
      const auto above = std::lower_bound(scores.begin(), scores.end(), score, std::greater<>()) - scores.begin();
      for (std::size_t cut = code_point_at(piece, 0).bytes; cut < piece.size();
           cut += code_point_at(piece, cut).bytes) {
        const auto left = symbol_of(std::string_view(piece).substr(0, cut));
        const auto right = symbol_of(std::string_view(piece).substr(cut));
        if (left && right)
          found.push_back({{*left, *right}, {static_cast<std::uint32_t>(above), static_cast<std::int32_t>(id)}});
      }
      cuts_at_mark_ = cuts_at_mark_ && !has_mark_inside(piece);
    }
    merges_ = MergeTable(found.size());
    for (const auto& [pair, merge] : found) merges_.insert(pair.first, pair.second, merge);
  }

  void encode(std::string_view word, std::vector<std::int32_t>& ids) const override {
    // User-defined pieces part the word: nothing merges with them.
    std::vector<std::int32_t> symbols;
    const auto flush = [&] {
      symbols.resize(merge_symbols(merges_, symbols));
      bool after_unknown = false;
      for (const std::int32_t symbol : symbols) {
        if (symbol >= 0)
          ids.push_back(symbol);
        else
          add_unknown(to_utf8(static_cast<char32_t>(kFirstStandIn - symbol)), after_unknown, ids);
        after_unknown = symbol < 0;
      }
      symbols.clear();
    };
    for (std::size_t i = 0; i < word.size();) {
      if (const auto own = user_defined_.longest_at(word, i)) {
        flush();
        ids.push_back(own->value);
        i = own->range.end;
        continue;
      }
      const std::size_t bytes = code_point_at(word, i).bytes;
      symbols.push_back(*symbol_of(word.substr(i, bytes)));
      i += bytes;
    }
    flush();
  }

  void cut(std::string_view text, Range word, std::vector<Range>& parts) const override {
    if (cuts_at_mark_)
      cut_before_marks(text, word, parts);
    else
      parts.push_back(word);
  }

 private:
  static constexpr std::int32_t kFirstStandIn = -2;  // -1 twice is the table's empty key

  // The id of a piece that text can become, or the stand-in of a single character.
  std::optional<std::int32_t> symbol_of(std::string_view text) const {
    if (const auto id = vocabulary().id_of(text); id && is_symbol_[static_cast<std::size_t>(*id)]) return id;
    const CodePoint first = code_point_at(text, 0);
    if (first.bytes != text.size()) return std::nullopt;
    return kFirstStandIn - static_cast<std::int32_t>(first.value);
  }

  MergeTable merges_;
  std::vector<bool> is_symbol_;  // by id
  bool cuts_at_mark_;
};

// As sentencepiece computes: sums are kept as float.
class SentencePieceUnigram : public SentencePieceModel {
 public:
  SentencePieceUnigram(const SentencePieceFile& file, const std::string& where) : SentencePieceModel(file, where) {
    float lowest = std::numeric_limits<float>::max(), highest = std::numeric_limits<float>::lowest();
    std::vector<ByteTrie::Entry> entries;
    for (std::size_t id = 0; id < file.pieces.size(); ++id) {
      const auto& [piece, score, type] = file.pieces[id];
      if (type == PieceType::kNormal) {
        lowest = std::min(lowest, score);
        highest = std::max(highest, score);
      }
      if (type == PieceType::kNormal || type == PieceType::kUserDefined)
        entries.emplace_back(piece, static_cast<std::int32_t>(id));
    }
    for (const auto& [piece, score, type] : file.pieces)
      scores_.push_back(type == PieceType::kUserDefined ? static_cast<double>(piece.size()) * highest - 0.1 : score);
    unknown_score_ = lowest - kUnknownCost;
    trie_ = ByteTrie(std::move(entries));
  }

  void encode(std::string_view word, std::vector<std::int32_t>& ids) const override {
    std::vector<Node> best(word.size() + 1);
    for (std::size_t begin = 0; begin < word.size();) {
      const float here = best[begin].score;
      const std::size_t character = code_point_at(word, begin).bytes;
      const auto offer = [&](std::size_t end, double score, std::int32_t id) {
        Node& node = best[end];
        if (node.begin == kNowhere || score > static_cast<double>(node.score))
          node = {static_cast<float>(score), begin, id};
      };
      bool single = false;
      std::uint32_t at = trie_.root();
      for (std::size_t i = begin; i < word.size(); ++i) {
        at = trie_.step(at, word[i]);
        if (at == ByteTrie::kNone) break;
        const std::int32_t id = trie_.value(at);
        if (id < 0) continue;
        offer(i + 1, scores_[static_cast<std::size_t>(id)] + static_cast<double>(here), id);
        single = single || i + 1 - begin == character;
      }
      if (!single) offer(begin + character, static_cast<double>(unknown_score_ + here), unknown_);
      begin += character;
    }
    std::vector<Range> steps;
    for (std::size_t end = word.size(); end > 0; end = best[end].begin) steps.push_back({best[end].begin, end});
    bool after_unknown = false;
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      const std::int32_t id = best[step->end].id;
      if (id == unknown_)
        add_unknown(word.substr(step->begin, step->end - step->begin), after_unknown, ids);
      else
        ids.push_back(id);
      after_unknown = id == unknown_;
    }
  }

 private:
  static constexpr std::size_t kNowhere = std::string_view::npos;
  struct Node {
    float score = 0;
    std::size_t begin = kNowhere;
    std::int32_t id = -1;
  };
  std::vector<double> scores_;
  float unknown_score_;
  ByteTrie trie_;
};

}  // namespace

std::unique_ptr<Model> make_sentencepiece_model(const SentencePieceFile& file, const std::string& where) {
  if (file.algorithm == SentencePieceFile::Algorithm::kBpe) return std::make_unique<SentencePieceBpe>(file, where);
  return std::make_unique<SentencePieceUnigram>(file, where);
}

}  // namespace firstlight::text
