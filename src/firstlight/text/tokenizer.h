// Text <-> token ids by the tokenizer files of a checkpoint. A pipeline, one file a step: added tokens are cut out of
// the text, what is between them is normalised and pre-tokenised into words, the model turns words into ids, the
// post-processor puts special tokens around them. Ids equal those of the `tokenizers` library.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/text/added_tokens.h"

namespace firstlight::text {

struct EncodeOptions {
  bool add_special_tokens = true;  // what the post-processor puts around the text (a BOS, say)
  bool parse_special = true;       // special tokens written in the text are tokens; otherwise they are text
};

class DecoderStage;
struct TokenizerParts;

// Immutable once made; every const member may be called from several threads.
class Tokenizer {
 public:
  // Reads the tokenizer of a checkpoint folder, or one file. Of a folder it takes the first of: tokenizer.json, a
  // sentencepiece or tiktoken tokenizer.model (or another *.model), *.tiktoken, vocab.json with merges.txt,
  // rwkv_vocab*.txt. tokenizer_config.json and special_tokens_map.json beside it, where they exist, name the BOS, EOS,
  // padding and unknown tokens, may list further added tokens, and say what the file itself does not: the class, the
  // prefix, whether a BOS is added. Throws kBadInput, kMismatch where the files contradict each other, and
  // kUnsupported for anything that this build does not implement.
  // tokenizer.json's "truncation" and "padding" are defaults of another library's calls; nothing here uses them.
  static Tokenizer load(const std::filesystem::path& path);
  // True when load() would find a file in `folder`.
  static bool exists(const std::filesystem::path& folder);
  // The text of a tokenizer.json alone; `where` names it in errors.
  static Tokenizer from_json(std::string_view text, std::string_view where);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Invalid UTF-8 is read as Python's decode(errors="replace") reads it: U+FFFD for each maximal invalid part.
  std::vector<std::int32_t> encode(std::string_view utf8, EncodeOptions options = {}) const;
  // Ids without a piece are skipped.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special_tokens) const;

  std::int32_t vocab_size() const;  // the largest id + 1
  std::optional<std::int32_t> id_of(std::string_view piece) const;
  const std::string* piece(std::int32_t id) const;  // nullptr where no piece has that id
  const std::vector<AddedToken>& added_tokens() const;
  bool is_special(std::int32_t id) const;

  std::optional<std::int32_t> bos_id() const { return bos_; }
  std::optional<std::int32_t> eos_id() const { return eos_; }
  std::optional<std::int32_t> pad_id() const { return pad_; }
  std::optional<std::int32_t> unk_id() const { return unk_; }

  // A fresh run of the decoder that writes to `sink`; for StreamDecoder. Both must outlive it.
  std::unique_ptr<DecoderStage> decoder_stage(DecoderStage& sink) const;

 private:
  struct Parts;
  Tokenizer(TokenizerParts parts, const std::string& where);

  std::unique_ptr<const Parts> parts_;
  std::optional<std::int32_t> bos_, eos_, pad_, unk_;
};

}  // namespace firstlight::text
