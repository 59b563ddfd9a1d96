// The list of models.
#include "firstlight/text/model.h"

#include "firstlight/base/error.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/tokenizer_file.h"

namespace firstlight::text {

bool has_mark_inside(std::string_view piece) {
  std::size_t begin = 0;
  while (piece.substr(begin).starts_with(kSpaceMark)) begin += kSpaceMark.size();
  return piece.find(kSpaceMark, begin) != std::string_view::npos;
}

void cut_before_marks(std::string_view text, Range word, std::vector<Range>& parts) {
  constexpr std::size_t kBytes = kSpaceMark.size();
  std::size_t begin = word.begin;
  for (std::size_t at = begin; (at = text.find(kSpaceMark, at)) < word.end; at += kBytes) {
    const bool after_mark = at >= begin + kBytes && text.substr(at - kBytes, kBytes) == kSpaceMark;
    if (at == begin || after_mark) continue;
    parts.push_back({begin, at});
    begin = at;
  }
  if (begin < word.end) parts.push_back({begin, word.end});
}

void Model::cut(std::string_view, Range word, std::vector<Range>& parts) const { parts.push_back(word); }

std::unique_ptr<Model> make_model(TokenizerFile& file, const std::string& where) {
  const auto json = file.root.find("model");
  if (json == file.root.end()) fail(Category::kBadInput, where, "field is missing");
  Fields fields(*json, where);
  const auto type = fields.optional_text("type");
  // Old files leave the type out; their fields give it away.
  const bool is_bpe = type ? *type == "BPE" : file.has_merges;
  if (is_bpe) return make_bpe(file, where);
  if (type ? *type == "Unigram" : file.has_scores) return make_unigram(file, where);
  if (type ? *type == "WordPiece" : json->contains("continuing_subword_prefix")) return make_word_piece(file, where);
  if (type ? *type == "WordLevel" : file.has_vocab) return make_word_level(file, where);
  fail(Category::kUnsupported, where, "model '{}'; accepted are BPE, Unigram, WordPiece, WordLevel",
       type.value_or("(without a type)"));
}

}  // namespace firstlight::text
