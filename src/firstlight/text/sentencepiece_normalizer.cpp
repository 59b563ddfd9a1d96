// sentencepiece's normaliser: the longest mapped string is replaced at each place, then spaces are ordered.
#include <optional>

#include "firstlight/text/byte_trie.h"
#include "firstlight/text/character_map.h"
#include "firstlight/text/sentencepiece.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {
namespace {

class SentencePieceNormalizer : public Normalizer {
 public:
  SentencePieceNormalizer(const SentencePieceFile& file, bool prefix_everywhere, const std::string& where)
      : prefix_everywhere_(prefix_everywhere),
        add_prefix_(file.add_dummy_prefix && !file.space_is_suffix),
        add_suffix_(file.add_dummy_prefix && file.space_is_suffix),
        remove_extra_(file.remove_extra_spaces),
        space_(file.escape_spaces ? kSpaceMark : " ") {
    if (!file.character_map.empty()) map_.emplace(file.character_map, where + ": precompiled_charsmap");
    std::vector<ByteTrie::Entry> own;
    for (const auto& entry : file.pieces)
      if (entry.type == PieceType::kUserDefined) own.emplace_back(entry.piece, 0);
    user_defined_ = ByteTrie(std::move(own));
  }

  void apply(Piece& piece) const override {
    std::string_view rest = piece.text;
    std::string out;
    out.reserve(2 * rest.size() + 3);
    while (remove_extra_ && !rest.empty()) {
      const Step step = next(rest);
      if (step.text != " ") break;
      rest.remove_prefix(step.bytes);
    }
    if (rest.empty()) {
      piece.text.clear();
      return;
    }
    if (add_prefix_ && (prefix_everywhere_ || piece.at_start)) out += space_;
    bool after_space = remove_extra_;
    while (!rest.empty()) {
      Step step = next(rest);
      while (after_space && step.text.starts_with(' ')) step.text.remove_prefix(1);
      if (!step.text.empty()) {
        for (const char byte : step.text) byte == ' ' ? out.append(space_) : out.append(1, byte);
        after_space = remove_extra_ && step.text.ends_with(' ');
      }
      rest.remove_prefix(step.bytes);
    }
    while (remove_extra_ && out.ends_with(space_)) out.resize(out.size() - space_.size());
    if (add_suffix_) out += space_;
    piece.text = std::move(out);
  }

 private:
  struct Step {
    std::string_view text;  // what stands for
    std::size_t bytes;      // these of the text
  };
  Step next(std::string_view rest) const {
    if (const auto own = user_defined_.longest_at(rest, 0)) return {rest.substr(0, own->range.end), own->range.end};
    if (map_)
      if (const auto match = map_->longest(rest)) return {match->to, match->bytes};
    const std::size_t bytes = code_point_at(rest, 0).bytes;
    return {rest.substr(0, bytes), bytes};
  }

  bool prefix_everywhere_, add_prefix_, add_suffix_, remove_extra_;
  std::string_view space_;
  std::optional<CharacterMap> map_;
  ByteTrie user_defined_;
};

}  // namespace

std::unique_ptr<Normalizer> make_sentencepiece_normalizer(const SentencePieceFile& file, bool prefix_everywhere,
                                                          const std::string& where) {
  return std::make_unique<SentencePieceNormalizer>(file, prefix_everywhere, where);
}

}  // namespace firstlight::text
