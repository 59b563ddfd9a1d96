// Matching and its rules, as AddedVocabulary of Hugging Face tokenizers has them.
#include "firstlight/text/added_tokens.h"

#include <algorithm>

#include "firstlight/base/error.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/normalizer.h"
#include "firstlight/text/unicode.h"
#include "firstlight/text/vocabulary.h"

namespace firstlight::text {
namespace {

constexpr std::size_t kMaxContentBytes = 4096;
constexpr std::size_t kMaxTokens = 1 << 20;

}  // namespace

AddedToken parse_added_token(const Json& json, const std::string& where, std::optional<std::int64_t> id) {
  Fields fields(json, where);
  AddedToken token;
  if (id && (*id < 0 || *id > kMaxTokenId)) fail(Category::kBadInput, where, "ids are from 0 to {}", kMaxTokenId);
  token.id = static_cast<std::int32_t>(id ? *id : fields.integer("id", 0, kMaxTokenId));
  token.content = fields.text("content");
  token.special = fields.boolean("special", false);
  token.single_word = fields.boolean("single_word", false);
  token.lstrip = fields.boolean("lstrip", false);
  token.rstrip = fields.boolean("rstrip", false);
  token.normalized = fields.boolean("normalized", !token.special);
  fields.ignore({"__type"});
  fields.done();
  if (token.content.empty() || token.content.size() > kMaxContentBytes)
    fail(Category::kBadInput, fields.where("content"), "expected 1 to {} bytes, found {}", kMaxContentBytes,
         token.content.size());
  return token;
}

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Vocabulary& vocabulary, const Normalizer* normalizer,
                         const std::string& where)
    : tokens_(std::move(tokens)) {
  if (tokens_.size() > kMaxTokens) fail(Category::kBadInput, where, "more than {} added tokens", kMaxTokens);
  // `tokenizers` counts on from the vocabulary's size, which in one with holes is the id of another piece: decoding
  // such an id gives the added token.
  std::int64_t next = static_cast<std::int64_t>(vocabulary.size());
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const AddedToken& token = tokens_[i];
    const auto in_vocabulary = vocabulary.id_of(token.content);
    const bool counted_on = !in_vocabulary && token.id == next;
    next = std::max(next, std::int64_t{token.id} + 1);
    if (!counted_on && (in_vocabulary ? *in_vocabulary != token.id : vocabulary.piece(token.id) != nullptr))
      fail(Category::kBadInput, where, "'{}' has id {}, but in the vocabulary {}", token.content, token.id,
           in_vocabulary ? fmt::format("it has id {}", *in_vocabulary)
                         : fmt::format("that is '{}'", *vocabulary.piece(token.id)));
    if (!by_content_.emplace(token.content, i).second)
      fail(Category::kBadInput, where, "'{}' stands twice", token.content);
    if (!by_id_.emplace(token.id, i).second) fail(Category::kBadInput, where, "id {} stands twice", token.id);
  }
  // Of two strings that normalise to the same, special ones come first.
  std::vector<std::string> forms(tokens_.size());
  std::vector<ByteTrie::Entry> raw, in_normalized;
  for (const bool special : {true, false}) {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].special != special) continue;
      const auto place = static_cast<std::int32_t>(i);
      if (!tokens_[i].normalized) {
        raw.emplace_back(tokens_[i].content, place);
        continue;
      }
      Piece form{tokens_[i].content};
      if (normalizer != nullptr) normalizer->apply(form);
      forms[i] = std::move(form.text);
      in_normalized.emplace_back(forms[i], place);
    }
  }
  raw_ = ByteTrie(std::move(raw));
  normalized_ = ByteTrie(std::move(in_normalized));
}

const AddedToken* AddedTokens::by_id(std::int32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::by_content(std::string_view content) const {
  const auto found = by_content_.find(std::string(content));
  return found == by_content_.end() ? nullptr : &tokens_[found->second];
}

std::vector<Stretch> AddedTokens::find(std::string_view text, bool normalized, bool special) const {
  const ByteTrie& set = normalized ? normalized_ : raw_;
  std::vector<Stretch> stretches;
  std::size_t done = 0;  // up to here the text is dealt with
  std::size_t from = 0;
  std::size_t space_end = 0;  // of the last space that a token took: a match inside it need not go through it again
  while (const auto found = set.find(text, from)) {
    // A match that a rule discards has still been passed over: no other token is looked for inside it. One in
    // whitespace that the token before took counts, unless it takes that whitespace, too, and nothing is left.
    from = found->range.end;
    auto [begin, end] = found->range;
    const AddedToken& token = tokens_[static_cast<std::size_t>(found->value)];
    if (token.special && !special) continue;
    if (token.single_word) {
      const bool touched_left = begin > 0 && is_word(code_point_before(text, begin).value);
      const bool touched_right = end < text.size() && is_word(code_point_at(text, end).value);
      if (touched_left || touched_right) continue;
    }
    if (token.lstrip) {
      while (begin > done && is_whitespace(code_point_before(text, begin).value))
        begin -= code_point_before(text, begin).bytes;
      begin = std::max(begin, done);
    }
    if (token.rstrip) {
      end = std::max(end, space_end);
      while (end < text.size() && is_whitespace(code_point_at(text, end).value)) end += code_point_at(text, end).bytes;
      space_end = end;
    }
    if (done < begin) stretches.push_back({{done, begin}, std::nullopt});
    if (begin < end) stretches.push_back({{begin, end}, token.id});
    done = end;
  }
  if (done < text.size()) stretches.push_back({{done, text.size()}, std::nullopt});
  return stretches;
}

}  // namespace firstlight::text
