// The model of tokenizer.json: turns one word into ids.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/text/regex.h"
#include "firstlight/text/vocabulary.h"

namespace firstlight::text {

struct TokenizerFile;

// What sentencepiece writes for a space.
inline constexpr std::string_view kSpaceMark = "\u2581";
// Whether `piece` has the mark after anything but marks.
bool has_mark_inside(std::string_view piece);
// Parts `word` before each run of marks: what Model::cut may do where no piece has the mark inside.
void cut_before_marks(std::string_view text, Range word, std::vector<Range>& parts);

class Model {
 public:
  virtual ~Model() = default;
  // Appends the ids of `word` (valid UTF-8, not empty). Safe from several threads.
  virtual void encode(std::string_view word, std::vector<std::int32_t>& ids) const = 0;
  // Appends the parts of `word`, a range of `text`, whose ids do not depend on each other: encoding them one by one
  // gives the same ids.
  virtual void cut(std::string_view text, Range word, std::vector<Range>& parts) const;
  virtual const Vocabulary& vocabulary() const = 0;
};

// By model.type: BPE, Unigram, WordPiece, WordLevel. Throws kUnsupported for any other. Takes the vocabulary and the
// merges out of `file`.
std::unique_ptr<Model> make_model(TokenizerFile& file, const std::string& where);
std::unique_ptr<Model> make_bpe(TokenizerFile& file, const std::string& where);
std::unique_ptr<Model> make_unigram(TokenizerFile& file, const std::string& where);
std::unique_ptr<Model> make_word_piece(TokenizerFile& file, const std::string& where);
std::unique_ptr<Model> make_word_level(TokenizerFile& file, const std::string& where);

}  // namespace firstlight::text
