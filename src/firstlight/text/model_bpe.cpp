// Byte-pair encoding (Sennrich et al., 2016): a word starts as its characters; the neighbouring pair whose merge has
// the lowest rank is joined, leftmost first, until no pair has a merge.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "firstlight/base/error.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/merge_symbols.h"
#include "firstlight/text/model.h"
#include "firstlight/text/tokenizer_file.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

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
    for (char32_t c = 0; c < kTabled; ++c) character_ids_.push_back(vocabulary_.id_of(to_utf8(c)).value_or(kNoPiece));
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
    const std::size_t first = ids.size();
    start(word, ids);
    const std::size_t count = merge_symbols(merges_, std::span(ids).subspan(first));
    ids.resize(first + count);
  }

  // No piece has the mark inside, after anything but marks: words that begin with it can be encoded alone.
  void cut(std::string_view text, Range word, std::vector<Range>& parts) const override {
    if (cuts_at_mark_)
      cut_before_marks(text, word, parts);
    else
      parts.push_back(word);
  }

 private:
  static constexpr std::int32_t kNoPiece = -1;
  static constexpr char32_t kTabled = 0x3000;  // characters below have their ids in a table

  void read_merges(TokenizerFile& file, const std::string& where) {
    merges_ = MergeTable(file.merges.size());
    std::string joined;
    cuts_at_mark_ = !ignore_merges_ && prefix_.empty() && suffix_.empty() && vocabulary_.id_of(kSpaceMark).has_value();
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
      if (right.starts_with(kSpaceMark) && !left.ends_with(kSpaceMark)) cuts_at_mark_ = false;
    }
    file.merges = {};
  }

  // Appends the symbols before any merge: characters, or their bytes, or the unknown piece.
  void start(std::string_view word, std::vector<std::int32_t>& symbols) const {
    const auto add = [&](std::int32_t id) { symbols.push_back(id); };
    std::string decorated;
    bool pending_unknown = false;  // an unknown that may still grow
    for (std::size_t i = 0; i < word.size();) {
      const CodePoint character = code_point_at(word, i);
      const std::size_t end = i + character.bytes;
      std::string_view piece = word.substr(i, end - i);
      const bool prefixed = i > 0 && !prefix_.empty();
      const bool suffixed = end == word.size() && !suffix_.empty();
      if (prefixed || suffixed) {
        decorated.assign(prefixed ? prefix_ : "").append(piece).append(suffixed ? suffix_ : "");
        piece = decorated;
      }
      i = end;
      const bool tabled = character.value < kTabled && !prefixed && !suffixed;
      const std::int32_t id = tabled ? character_ids_[character.value] : vocabulary_.id_of(piece).value_or(kNoPiece);
      if (id != kNoPiece) {
        if (pending_unknown) add(unknown_);
        pending_unknown = false;
        add(id);
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
  }

  bool has_bytes(std::string_view piece) const {
    return std::all_of(piece.begin(), piece.end(),
                       [&](char byte) { return byte_ids_[static_cast<std::uint8_t>(byte)] != kNoPiece; });
  }

  Vocabulary vocabulary_;
  MergeTable merges_;
  std::array<std::int32_t, 256> byte_ids_{};  // of "<0x00>" to "<0xFF>"
  std::string prefix_, suffix_;
  std::string unknown_piece_;  // empty: none
  std::int32_t unknown_ = kNoPiece;
  std::string where_;
  std::vector<std::int32_t> character_ids_;
  bool cuts_at_mark_ = false;
  bool fuse_unknown_ = false, byte_fallback_ = false, ignore_merges_ = false;
};

}  // namespace

std::unique_ptr<Model> make_bpe(TokenizerFile& file, const std::string& where) {
  return std::make_unique<Bpe>(file, where);
}

}  // namespace firstlight::text
