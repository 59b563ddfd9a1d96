// Unigram language model (Kudo, 2018): of all ways to write a word in pieces, the one whose scores (log probabilities)
// sum highest. One pass over the text keeps the best way to each place.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "firstlight/base/error.h"
#include "firstlight/text/byte_trie.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/model.h"
#include "firstlight/text/tokenizer_file.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

// An unknown character scores this much below the lowest piece (sentencepiece's kUnkPenalty).
constexpr double kUnknownPenalty = 10.0;

class Unigram : public Model {
 public:
  Unigram(TokenizerFile& file, const std::string& where) {
    Fields fields(file.root["model"], where);
    fields.ignore({"type"});
    if (!file.has_scores) fail(Category::kBadInput, fields.where("vocab"), "expected an array of [piece, score]");
    const auto size = static_cast<std::int64_t>(file.vocab.size());
    if (fields.find("unk_id") != nullptr)
      unknown_ = static_cast<std::int32_t>(fields.integer("unk_id", 0, std::min(size - 1, kMaxTokenId)));
    byte_fallback_ = fields.boolean("byte_fallback", false);
    fields.done();
    scores_ = std::move(file.scores);
    double lowest = std::numeric_limits<double>::infinity();
    for (const double score : scores_) {
      if (!std::isfinite(score)) fail(Category::kBadInput, fields.where("vocab"), "a score that is not finite");
      lowest = std::min(lowest, score);
    }
    unknown_score_ = lowest - kUnknownPenalty;
    where_ = fields.where("unk_id");
    // A trainer that found a special token in its text lists it twice; `tokenizers` takes the last.
    vocabulary_ = Vocabulary(std::move(file.vocab), fields.where("vocab"), Vocabulary::Repeats::kLastCounts);
    std::vector<ByteTrie::Entry> entries;
    for (std::int32_t id = 0; id < vocabulary_.end(); ++id) {
      const std::string* piece = vocabulary_.piece(id);
      if (piece != nullptr && vocabulary_.id_of(*piece) == id) entries.emplace_back(*piece, id);
    }
    trie_ = ByteTrie(std::move(entries));
    for (int byte = 0; byte < 256; ++byte)
      byte_ids_[static_cast<std::size_t>(byte)] = vocabulary_.id_of(fmt::format("<0x{:02X}>", byte)).value_or(kNoPiece);
  }

  const Vocabulary& vocabulary() const override { return vocabulary_; }

  void encode(std::string_view word, std::vector<std::int32_t>& ids) const override {
    const std::vector<Step> best = best_steps(word);
    // Back from the end; a run of unknown characters is one piece.
    std::vector<Range> pieces;
    bool open = false;
    for (std::size_t end = word.size(); end > 0;) {
      const Step& step = best[end];
      const bool unknown = step.id == unknown_;
      if (unknown && open)
        pieces.back().begin = step.begin;
      else
        pieces.push_back({step.begin, end});
      open = unknown;
      end = step.begin;
    }
    for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece)
      add(word.substr(piece->begin, piece->end - piece->begin), ids);
  }

 private:
  static constexpr std::int32_t kNoPiece = -1;
  struct Step {
    double score = 0;
    std::size_t begin = kNowhere;  // of the last piece on the best way here
    std::int32_t id = kNoPiece;
  };
  static constexpr std::size_t kNowhere = std::string_view::npos;

  std::vector<Step> best_steps(std::string_view word) const {
    std::vector<Step> best(word.size() + 1);
    for (std::size_t begin = 0; begin < word.size();) {
      const double here = best[begin].score;
      const std::size_t character = code_point_at(word, begin).bytes;
      const auto offer = [&](std::size_t end, double score, std::int32_t id) {
        Step& step = best[end];
        if (step.begin != kNowhere && !(score + here > step.score)) return;
        step = {score + here, begin, id};
      };
      bool single = false;
      std::uint32_t node = trie_.root();
      for (std::size_t i = begin; i < word.size(); ++i) {
        node = trie_.step(node, word[i]);
        if (node == ByteTrie::kNone) break;
        const std::int32_t id = trie_.value(node);
        if (id < 0) continue;
        offer(i + 1, scores_[static_cast<std::size_t>(id)], id);
        single = single || i + 1 - begin == character;
      }
      if (!single) {
        if (unknown_ == kNoPiece) no_unknown();
        offer(begin + character, unknown_score_, unknown_);
      }
      begin += character;
    }
    return best;
  }

  void add(std::string_view piece, std::vector<std::int32_t>& ids) const {
    if (const auto id = vocabulary_.id_of(piece)) {
      ids.push_back(*id);
      return;
    }
    const auto byte_id = [&](char byte) { return byte_ids_[static_cast<std::uint8_t>(byte)]; };
    if (byte_fallback_ &&
        std::all_of(piece.begin(), piece.end(), [&](char byte) { return byte_id(byte) != kNoPiece; })) {
      for (const char byte : piece) ids.push_back(byte_id(byte));
      return;
    }
    if (unknown_ == kNoPiece) no_unknown();
    ids.push_back(unknown_);
  }

  [[noreturn]] void no_unknown() const {
    fail(Category::kBadInput, where_, "the text has a character that is in no piece, and there is no unknown piece");
  }

  Vocabulary vocabulary_;
  std::vector<double> scores_;
  ByteTrie trie_;
  std::array<std::int32_t, 256> byte_ids_{};  // of "<0x00>" to "<0xFF>"
  std::int32_t unknown_ = kNoPiece;
  double unknown_score_ = 0;
  bool byte_fallback_ = false;
  std::string where_;
};

}  // namespace

std::unique_ptr<Model> make_unigram(TokenizerFile& file, const std::string& where) {
  return std::make_unique<Unigram>(file, where);
}

}  // namespace firstlight::text
