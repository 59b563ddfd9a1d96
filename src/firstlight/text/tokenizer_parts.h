// What a tokenizer is made of, whichever file it comes from.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/base/json.h"
#include "firstlight/text/added_tokens.h"
#include "firstlight/text/decoder.h"
#include "firstlight/text/model.h"
#include "firstlight/text/normalizer.h"
#include "firstlight/text/post_processor.h"
#include "firstlight/text/pre_tokenizer.h"
#include "firstlight/text/tokenizer_file.h"

namespace firstlight::text {

struct TokenizerParts {
  std::unique_ptr<Normalizer> normalizer;       // may be null
  std::unique_ptr<PreTokenizer> pre_tokenizer;  // may be null
  std::unique_ptr<Model> model;
  PostProcessor post_processor;
  std::unique_ptr<Decoder> decoder;
  std::vector<AddedToken> added;  // ids are those of the file
};

// Each takes the text of one file and throws kBadInput or kUnsupported; `where` names the file in errors.
// A tokenizer.json.
TokenizerParts read_tokenizer_json(std::string_view text, const std::string& where);
TokenizerParts make_parts(TokenizerFile file, const std::string& where);

// A sentencepiece model of type BPE or unigram. Every stretch of text between special tokens gets the dummy prefix if
// `prefix_everywhere`, otherwise only one at the beginning of the text.
TokenizerParts read_sentencepiece(std::string_view bytes, const std::string& where, bool prefix_everywhere);
// True when the bytes begin like a sentencepiece model.
bool looks_like_sentencepiece(std::string_view bytes);

// tiktoken's ranks: a line a token, in base64, and its rank.
TokenizerParts read_tiktoken(std::string_view text, const std::string& where);

// vocab.json and merges.txt of byte-level BPE, cut as `tokenizer_class` of transformers cuts. `config` is
// tokenizer_config.json.
TokenizerParts read_vocab_and_merges(std::string_view vocab, const std::string& vocab_where, std::string_view merges,
                                     const std::string& merges_where, const Json& config,
                                     const std::string& config_where);

// RWKV's world vocabulary: a line an id, a Python literal of the piece, and its length in bytes.
TokenizerParts read_rwkv_vocabulary(std::string_view text, const std::string& where);

}  // namespace firstlight::text
