// Assembly of the pipeline, and the two ways through it.
#include "firstlight/text/tokenizer.h"

#include "firstlight/base/error.h"
#include "firstlight/text/decoder.h"
#include "firstlight/text/fields.h"
#include "firstlight/text/model.h"
#include "firstlight/text/normalizer.h"
#include "firstlight/text/post_processor.h"
#include "firstlight/text/pre_tokenizer.h"
#include "firstlight/text/stream_decoder.h"
#include "firstlight/text/tokenizer_file.h"
#include "firstlight/text/unicode.h"

namespace firstlight::text {

// Positions inside the model are 32 bits; no prompt comes near.
constexpr std::size_t kMaxTextBytes = std::size_t{1} << 28;

struct Tokenizer::Parts {
  std::unique_ptr<Normalizer> normalizer;       // may be null
  std::unique_ptr<PreTokenizer> pre_tokenizer;  // may be null
  std::unique_ptr<Model> model;
  AddedTokens added;
  PostProcessor post_processor;
  std::unique_ptr<Decoder> decoder;
};

Tokenizer::Tokenizer(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::from_json(std::string_view text, std::string_view where) { return build(text, where, {}, {}); }

Tokenizer Tokenizer::build(std::string_view text, std::string_view where, std::vector<AddedToken> further,
                           std::string_view further_where) {
  TokenizerFile file = parse_tokenizer_file(text, where);
  Fields fields(file.root, std::string(where));
  if (const auto version = fields.optional_text("version"); version && *version != "1.0")
    fail(Category::kUnsupported, fields.where("version"), "'{}'; accepted is 1.0", *version);
  fields.ignore({"truncation", "padding", "model"});

  auto parts = std::make_unique<Parts>();
  const auto place = [&](std::string_view key) { return fmt::format("{}: {}", where, key); };
  if (const Json* json = fields.find("normalizer")) parts->normalizer = make_normalizer(*json, place("normalizer"));
  if (const Json* json = fields.find("pre_tokenizer"))
    parts->pre_tokenizer = make_pre_tokenizer(*json, place("pre_tokenizer"));
  if (const Json* json = fields.find("post_processor"))
    parts->post_processor = make_post_processor(*json, place("post_processor"));
  const Json* decoder = fields.find("decoder");
  parts->decoder = decoder != nullptr ? make_decoder(*decoder, place("decoder")) : make_joining_decoder();
  parts->model = make_model(file, place("model"));

  std::vector<AddedToken> added;
  if (fields.find("added_tokens") != nullptr) {
    const Json& list = fields.array("added_tokens");
    for (std::size_t i = 0; i < list.size(); ++i)
      added.push_back(parse_added_token(list[i], fmt::format("{}[{}]", place("added_tokens"), i)));
  }
  fields.done();
  const Vocabulary& vocabulary = parts->model->vocabulary();
  parts->added = AddedTokens(added, vocabulary, parts->normalizer.get(), place("added_tokens"));

  // A second file's tokens: known ones must agree, the others are added.
  const std::size_t own = added.size();
  for (AddedToken& token : further) {
    const AddedToken* known = parts->added.by_content(token.content);
    const auto id = known != nullptr ? known->id : vocabulary.id_of(token.content).value_or(token.id);
    if (id != token.id)
      fail(Category::kMismatch, further_where, "'{}' has id {}, but id {} in tokenizer.json", token.content, token.id,
           id);
    if (known == nullptr) added.push_back(std::move(token));
  }
  if (added.size() > own)
    parts->added = AddedTokens(added, vocabulary, parts->normalizer.get(), std::string(further_where));

  Tokenizer tokenizer(std::move(parts));
  for (const auto* side : {&tokenizer.parts_->post_processor.before, &tokenizer.parts_->post_processor.after})
    for (const std::int32_t id : *side)
      if (tokenizer.piece(id) == nullptr)
        fail(Category::kBadInput, place("post_processor"), "id {} is not in the vocabulary", id);
  return tokenizer;
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
  std::vector<std::int32_t> ids;
  if (options.add_special_tokens) ids = around.before;
  for (const Stretch& stretch : parts_->added.find(utf8, false, options.parse_special)) {
    if (stretch.id)
      ids.push_back(*stretch.id);
    else
      encode_stretch(utf8.substr(stretch.range.begin, stretch.range.end - stretch.range.begin),
                     stretch.range.begin == 0, options, ids);
  }
  if (options.add_special_tokens) ids.insert(ids.end(), around.after.begin(), around.after.end());
  return ids;
}

void Tokenizer::encode_stretch(std::string_view text, bool at_start, EncodeOptions options,
                               std::vector<std::int32_t>& ids) const {
  Piece normalized{std::string(text), at_start};
  if (parts_->normalizer) parts_->normalizer->apply(normalized);
  for (const Stretch& stretch : parts_->added.find(normalized.text, true, options.parse_special)) {
    if (stretch.id) {
      ids.push_back(*stretch.id);
      continue;
    }
    std::vector<Piece> words{{normalized.text.substr(stretch.range.begin, stretch.range.end - stretch.range.begin),
                              normalized.at_start && stretch.range.begin == 0}};
    if (parts_->pre_tokenizer) parts_->pre_tokenizer->apply(words);
    for (const Piece& word : words)
      if (!word.text.empty()) parts_->model->encode(word.text, ids);
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
  for (const AddedToken& token : parts_->added.tokens()) end = std::max(end, token.id + 1);
  return end;
}

std::optional<std::int32_t> Tokenizer::id_of(std::string_view piece) const {
  if (const AddedToken* token = parts_->added.by_content(piece)) return token->id;
  return parts_->model->vocabulary().id_of(piece);
}

const std::string* Tokenizer::piece(std::int32_t id) const {
  if (const AddedToken* token = parts_->added.by_id(id)) return &token->content;
  return parts_->model->vocabulary().piece(id);
}

const std::vector<AddedToken>& Tokenizer::added_tokens() const { return parts_->added.tokens(); }

bool Tokenizer::is_special(std::int32_t id) const {
  const AddedToken* token = parts_->added.by_id(id);
  return token != nullptr && token->special;
}

std::unique_ptr<DecoderStage> Tokenizer::decoder_stage(DecoderStage& sink) const {
  return parts_->decoder->stage(sink);
}

}  // namespace firstlight::text
