// Vocabularies of words: WordPiece (Schuster and Nakajima, 2012: a word is its longest known beginning, then the
// longest known continuation, and so on; unknown if that fails anywhere) and WordLevel (a word is in the vocabulary or
// unknown).
#include <algorithm>
#include <optional>

#include "firstlight/base/error.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/model.h"
#include "firstlight/text/tokenizer_file.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

class WordModel : public Model {
 public:
  WordModel(TokenizerFile& file, Fields& fields, const char* unknown) {
    fields.ignore({"type"});
    unknown_piece_ = fields.optional_text("unk_token").value_or(unknown);
    if (!file.has_vocab) fail(Category::kBadInput, fields.where("vocab"), "expected an object of piece: id");
    vocabulary_ = Vocabulary(std::move(file.vocab), fields.where("vocab"));
    unknown_ = vocabulary_.id_of(unknown_piece_);
    where_ = fields.where("unk_token");
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 protected:
  std::int32_t unknown() const {
    if (!unknown_) fail(Category::kBadInput, where_, "'{}' is not in the vocabulary", unknown_piece_);
    return *unknown_;
  }

 private:
  Vocabulary vocabulary_;
  std::string unknown_piece_, where_;
  std::optional<std::int32_t> unknown_;
};

class WordPiece : public WordModel {
 public:
  WordPiece(TokenizerFile& file, Fields fields) : WordModel(file, fields, "[UNK]") {
    prefix_ = fields.optional_text("continuing_subword_prefix").value_or("##");
    if (fields.find("max_input_chars_per_word") != nullptr)
      max_characters_ = static_cast<std::size_t>(fields.integer("max_input_chars_per_word", 0, 1 << 20));
    fields.done();
    for (std::int32_t id = 0; id < vocabulary().end(); ++id)
      if (const std::string* piece = vocabulary().piece(id)) longest_ = std::max(longest_, piece->size());
  }

  void encode(std::string_view word, std::vector<std::int32_t>& ids) const override {
    const std::size_t first = ids.size();
    const bool short_enough = count_code_points(word) <= max_characters_;
    if (short_enough && encode_pieces(word, ids)) return;
    ids.resize(first);
    ids.push_back(unknown());
  }

 private:
  bool encode_pieces(std::string_view word, std::vector<std::int32_t>& ids) const {
    std::string candidate;
    for (std::size_t begin = 0; begin < word.size();) {
      candidate.assign(begin > 0 ? prefix_ : "");
      const std::size_t decoration = candidate.size();
      candidate.append(word.substr(begin, longest_));
      // No longer than the longest piece, and a whole number of characters.
      while (candidate.size() > decoration && begin + candidate.size() - decoration < word.size() &&
             (word[begin + candidate.size() - decoration] & 0xC0) == 0x80)
        candidate.pop_back();
      std::optional<std::int32_t> id;
      while (candidate.size() > decoration && !(id = vocabulary().id_of(candidate)))
        candidate.resize(candidate.size() - code_point_before(candidate, candidate.size()).bytes);
      if (!id) return false;
      ids.push_back(*id);
      begin += candidate.size() - decoration;
    }
    return true;
  }

  std::string prefix_;
  std::size_t max_characters_ = 100;
  std::size_t longest_ = 0;  // bytes of the longest piece
};

class WordLevel : public WordModel {
 public:
  WordLevel(TokenizerFile& file, Fields fields) : WordModel(file, fields, "<unk>") { fields.done(); }
  void encode(std::string_view word, std::vector<std::int32_t>& ids) const override {
    const auto id = vocabulary().id_of(word);
    ids.push_back(id ? *id : unknown());
  }
};

}  // namespace

std::unique_ptr<Model> make_word_piece(TokenizerFile& file, const std::string& where) {
  return std::make_unique<WordPiece>(file, Fields(file.root["model"], where));
}

std::unique_ptr<Model> make_word_level(TokenizerFile& file, const std::string& where) {
  return std::make_unique<WordLevel>(file, Fields(file.root["model"], where));
}

}  // namespace firstlight::text
