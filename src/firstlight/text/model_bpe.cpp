// Byte-pair encoding (Sennrich et al., 2016): a word starts as its characters; the neighbouring pair whose merge has
// the lowest rank is joined, leftmost first, until no pair has a merge. A heap of candidate merges over a linked list
// of symbols makes that O(n log n), which matters where a whole text is one word.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <queue>

#include "firstlight/base/error.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/merge_table.h"
#include "firstlight/text/model.h"
#include "firstlight/text/tokenizer_file.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

struct Symbol {
  std::int32_t id;
  std::int32_t previous, next;  // -1 at the ends
  bool removed;
};

struct Candidate {
  std::uint32_t rank;
  std::int32_t position;
  std::int32_t id;
};
// For a heap whose top is the lowest rank, leftmost.
struct Later {
  bool operator()(const Candidate& a, const Candidate& b) const {
    return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
  }
};

class Bpe : public Model {
 public:
  Bpe(TokenizerFile& file, const std::string& where) {
    Fields fields(file.root["model"], where);
    fields.ignore({"type"});
    const Json* dropout = fields.find("dropout");
    if (dropout != nullptr && !(dropout->is_number() && dropout->get<double>() == 0.0))
      fail(Category::kUnsupported, fields.where("dropout"), "expected null or 0: dropout draws at random");
    const auto unknown = fields.optional_text("unk_token");
    prefix_ = fields.optional_text("continuing_subword_prefix").value_or("");
    suffix_ = fields.optional_text("end_of_word_suffix").value_or("");
    fuse_unknown_ = fields.boolean("fuse_unk", false);
    byte_fallback_ = fields.boolean("byte_fallback", false);
    ignore_merges_ = fields.boolean("ignore_merges", false);
    if (!file.has_vocab) fail(Category::kBadInput, fields.where("vocab"), "expected an object of piece: id");
    if (!file.has_merges) fail(Category::kBadInput, fields.where("merges"), "expected an array of merges");
    fields.done();

    vocabulary_ = Vocabulary(std::move(file.vocab), fields.where("vocab"));
    if (unknown) {
      unknown_piece_ = *unknown;
      unknown_ = vocabulary_.id_of(*unknown).value_or(kNoPiece);
    }
    where_ = fields.where("unk_token");
    for (int byte = 0; byte < 256; ++byte)
      byte_ids_[static_cast<std::size_t>(byte)] = vocabulary_.id_of(fmt::format("<0x{:02X}>", byte)).value_or(kNoPiece);
    read_merges(file, fields.where("merges"));
  }

  const Vocabulary& vocabulary() const override { return vocabulary_; }

  void encode(std::string_view word, std::vector<std::int32_t>& ids) const override {
    if (ignore_merges_) {
      if (const auto id = vocabulary_.id_of(word)) {
        ids.push_back(*id);
        return;
      }
    }
    std::vector<Symbol> symbols = start(word);
    merge(symbols);
    for (const Symbol& symbol : symbols)
      if (!symbol.removed) ids.push_back(symbol.id);
  }

 private:
  static constexpr std::int32_t kNoPiece = -1;

  void read_merges(TokenizerFile& file, const std::string& where) {
    merges_ = MergeTable(file.merges.size());
    std::string joined;
    for (std::size_t rank = 0; rank < file.merges.size(); ++rank) {
      const auto& [left, right] = file.merges[rank];
      // The right side of a merge carries the continuing prefix, which its result has only in front.
      if (right.size() < prefix_.size() || (right.size() > prefix_.size() && (right[prefix_.size()] & 0xC0) == 0x80))
        fail(Category::kBadInput, where, "[{}]: '{}' does not begin with '{}'", rank, right, prefix_);
      joined.assign(left).append(right, prefix_.size());
      const auto left_id = vocabulary_.id_of(left), right_id = vocabulary_.id_of(right), id = vocabulary_.id_of(joined);
      if (!left_id || !right_id || !id)
        fail(Category::kBadInput, where, "[{}]: '{}' is not in the vocabulary", rank,
             !left_id    ? left
             : !right_id ? right
                         : joined);
      merges_.insert(*left_id, *right_id, {static_cast<std::uint32_t>(rank), *id});
    }
    file.merges = {};
  }

  // The symbols before any merge: characters, or their bytes, or the unknown piece.
  std::vector<Symbol> start(std::string_view word) const {
    std::vector<Symbol> symbols;
    symbols.reserve(word.size());
    const auto add = [&](std::int32_t id) {
      const auto index = static_cast<std::int32_t>(symbols.size());
      if (index > 0) symbols.back().next = index;
      symbols.push_back({id, index - 1, -1, false});
    };
    std::string decorated;
    bool pending_unknown = false;  // an unknown that may still grow
    for (std::size_t i = 0; i < word.size();) {
      const std::size_t end = i + code_point_at(word, i).bytes;
      std::string_view piece = word.substr(i, end - i);
      const bool prefixed = i > 0 && !prefix_.empty();
      const bool suffixed = end == word.size() && !suffix_.empty();
      if (prefixed || suffixed) {
        decorated.assign(prefixed ? prefix_ : "").append(piece).append(suffixed ? suffix_ : "");
        piece = decorated;
      }
      i = end;
      if (const auto id = vocabulary_.id_of(piece)) {
        if (pending_unknown) add(unknown_);
        pending_unknown = false;
        add(*id);
        continue;
      }
      if (byte_fallback_ && has_bytes(piece)) {
        for (const char byte : piece) add(byte_ids_[static_cast<std::uint8_t>(byte)]);
        continue;
      }
      if (unknown_piece_.empty()) continue;  // no unknown piece: the character is lost
      if (unknown_ == kNoPiece) fail(Category::kBadInput, where_, "'{}' is not in the vocabulary", unknown_piece_);
      if (pending_unknown && !fuse_unknown_) add(unknown_);
      pending_unknown = true;
    }
    if (pending_unknown) add(unknown_);
    return symbols;
  }

  bool has_bytes(std::string_view piece) const {
    return std::all_of(piece.begin(), piece.end(),
                       [&](char byte) { return byte_ids_[static_cast<std::uint8_t>(byte)] != kNoPiece; });
  }

  void merge(std::vector<Symbol>& symbols) const {
    std::vector<Candidate> found;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i)
      if (const auto* m = merges_.find(symbols[i].id, symbols[i + 1].id))
        found.push_back({m->rank, static_cast<std::int32_t>(i), m->id});
    std::priority_queue<Candidate, std::vector<Candidate>, Later> heap(Later{}, std::move(found));
    const auto offer = [&](std::int32_t left, std::int32_t right) {
      if (left < 0 || right < 0) return;
      if (const auto* m =
              merges_.find(symbols[static_cast<std::size_t>(left)].id, symbols[static_cast<std::size_t>(right)].id))
        heap.push({m->rank, left, m->id});
    };
    while (!heap.empty()) {
      const Candidate best = heap.top();
      heap.pop();
      Symbol& left = symbols[static_cast<std::size_t>(best.position)];
      if (left.removed || left.next < 0) continue;
      Symbol& right = symbols[static_cast<std::size_t>(left.next)];
      // The candidate is stale when one of its sides has been merged since.
      const auto* m = merges_.find(left.id, right.id);
      if (m == nullptr || m->id != best.id) continue;
      left.id = best.id;
      left.next = right.next;
      right.removed = true;
      if (right.next >= 0) symbols[static_cast<std::size_t>(right.next)].previous = best.position;
      offer(left.previous, best.position);
      offer(best.position, left.next);
    }
  }

  Vocabulary vocabulary_;
  MergeTable merges_;
  std::array<std::int32_t, 256> byte_ids_{};  // of "<0x00>" to "<0xFF>"
  std::string prefix_, suffix_;
  std::string unknown_piece_;  // empty: none
  std::int32_t unknown_ = kNoPiece;
  std::string where_;
  bool fuse_unknown_ = false, byte_fallback_ = false, ignore_merges_ = false;
};

}  // namespace

std::unique_ptr<Model> make_bpe(TokenizerFile& file, const std::string& where) {
  return std::make_unique<Bpe>(file, where);
}

}  // namespace firstlight::text
