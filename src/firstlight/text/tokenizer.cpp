// Assembly of the pipeline, and the two ways through it.
#include "firstlight/text/tokenizer.h"

#include <mutex>

#include "firstlight/base/error.h"
#include "firstlight/text/byte_level.h"
#include "firstlight/text/stream_decoder.h"
#include "firstlight/text/tokenizer_parts.h"
#include "firstlight/text/unicode.h"
#include "firstlight/text/word_cache.h"
#include "firstlight/text/words.h"

namespace firstlight::text {

// Positions inside the model are 32 bits; no prompt comes near.
constexpr std::size_t kMaxTextBytes = std::size_t{1} << 28;

// What one call of encode works with; kept between calls for its cache.
struct Workspace {
  Words words;
  std::vector<Range> parts;
  std::string characters;
  WordCache cache;
};

// Workspaces that no call uses at the moment: as many as there were calls at once.
class Workspaces {
 public:
  std::unique_ptr<Workspace> take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<Workspace>();
    auto taken = std::move(free_.back());
    free_.pop_back();
    return taken;
  }
  void give(std::unique_ptr<Workspace> workspace) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(workspace));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> free_;
};

struct Tokenizer::Parts : TokenizerParts {
  AddedTokens added_tokens;
  mutable Workspaces workspaces;

  void encode_stretch(std::string_view text, bool at_start, EncodeOptions options, Workspace& workspace,
                      std::vector<std::int32_t>& ids) const;
  void encode_words(Workspace& workspace, std::vector<std::int32_t>& ids) const;
};

Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::from_json(std::string_view text, std::string_view where) {
  return Tokenizer(read_tokenizer_json(text, std::string(where)), std::string(where));
}

Tokenizer::Tokenizer(TokenizerParts parts, const std::string& where) {
  auto made = std::make_unique<Parts>();
  static_cast<TokenizerParts&>(*made) = std::move(parts);
  made->added_tokens =
      AddedTokens(std::move(made->added), made->model->vocabulary(), made->normalizer.get(), where + ": added_tokens");
  parts_ = std::move(made);
  for (const auto* side : {&parts_->post_processor.before, &parts_->post_processor.after})
    for (const std::int32_t id : *side)
      if (piece(id) == nullptr)
        fail(Category::kBadInput, where + ": post_processor", "id {} is not in the vocabulary", id);
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view utf8, EncodeOptions options) const {
  if (utf8.size() > kMaxTextBytes)
    fail(Category::kResource, "", "a text of {} bytes; at most {} are encoded at once", utf8.size(), kMaxTextBytes);
  std::string repaired;
  if (!is_valid_utf8(utf8)) {
    repaired = replace_invalid_utf8(utf8);
    utf8 = repaired;
  }
  const PostProcessor& around = parts_->post_processor;
  auto workspace = parts_->workspaces.take();
  std::vector<std::int32_t> ids;
  ids.reserve(utf8.size() / 3 + around.before.size() + around.after.size());
  if (options.add_special_tokens) ids = around.before;
  for (const Stretch& stretch : parts_->added_tokens.find(utf8, false, options.parse_special)) {
    if (stretch.id)
      ids.push_back(*stretch.id);
    else
      parts_->encode_stretch(utf8.substr(stretch.range.begin, stretch.range.end - stretch.range.begin),
                             stretch.range.begin == 0, options, *workspace, ids);
  }
  if (options.add_special_tokens) ids.insert(ids.end(), around.after.begin(), around.after.end());
  parts_->workspaces.give(std::move(workspace));
  return ids;
}

void Tokenizer::Parts::encode_stretch(std::string_view text, bool at_start, EncodeOptions options, Workspace& workspace,
                                      std::vector<std::int32_t>& ids) const {
  Piece normalized;
  if (normalizer) {
    normalized = {std::string(text), at_start};
    normalizer->apply(normalized);
    text = normalized.text;
    at_start = normalized.at_start;
  }
  for (const Stretch& stretch : added_tokens.find(text, true, options.parse_special)) {
    if (stretch.id) {
      ids.push_back(*stretch.id);
      continue;
    }
    workspace.words.assign(text.substr(stretch.range.begin, stretch.range.end - stretch.range.begin),
                           at_start && stretch.range.begin == 0);
    if (pre_tokenizer) pre_tokenizer->apply(workspace.words);
    encode_words(workspace, ids);
  }
}

void Tokenizer::Parts::encode_words(Workspace& workspace, std::vector<std::int32_t>& ids) const {
  const Words& words = workspace.words;
  workspace.parts.clear();
  for (const Range range : words.ranges) model->cut(words.text, range, workspace.parts);
  for (const Range range : workspace.parts) {
    const std::string_view word = words.word(range);
    const bool cached = word.size() <= WordCache::kMaxWordBytes;
    if (cached && workspace.cache.find(word, ids)) continue;
    const std::size_t first = ids.size();
    if (words.in_bytes) {
      workspace.characters.clear();
      append_characters(workspace.characters, word);
      model->encode(workspace.characters, ids);
    } else {
      model->encode(word, ids);
    }
    if (cached) workspace.cache.insert(word, std::span(ids).subspan(first));
  }
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special_tokens) const {
  StreamDecoder stream(*this, skip_special_tokens);
  std::string text;
  for (const std::int32_t id : ids) text += stream.push(id);
  return text + stream.finish();
}

std::int32_t Tokenizer::vocab_size() const {
  std::int32_t end = parts_->model->vocabulary().end();
  for (const AddedToken& token : parts_->added_tokens.tokens()) end = std::max(end, token.id + 1);
  return end;
}

std::optional<std::int32_t> Tokenizer::id_of(std::string_view piece) const {
  if (const AddedToken* token = parts_->added_tokens.by_content(piece)) return token->id;
  return parts_->model->vocabulary().id_of(piece);
}

const std::string* Tokenizer::piece(std::int32_t id) const {
  if (const AddedToken* token = parts_->added_tokens.by_id(id)) return &token->content;
  return parts_->model->vocabulary().piece(id);
}

const std::vector<AddedToken>& Tokenizer::added_tokens() const { return parts_->added_tokens.tokens(); }

bool Tokenizer::is_special(std::int32_t id) const {
  // By its text: a special token may stand in the vocabulary a second time, under another id.
  const std::string* text = piece(id);
  const AddedToken* token = text == nullptr ? nullptr : parts_->added_tokens.by_content(*text);
  return token != nullptr && token->special;
}

std::unique_ptr<DecoderStage> Tokenizer::decoder_stage(DecoderStage& sink) const {
  return parts_->decoder->stage(sink);
}

}  // namespace firstlight::text
