// The model of tokenizer.json: turns one word into ids.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "firstlight/text/vocabulary.h"

namespace firstlight::text {

struct TokenizerFile;

class Model {
 public:
  virtual ~Model() = default;
  // Appends the ids of `word` (valid UTF-8, not empty). Safe from several threads.
  virtual void encode(std::string_view word, std::vector<std::int32_t>& ids) const = 0;
  virtual const Vocabulary& vocabulary() const = 0;
};

// By model.type: BPE. Throws kUnsupported for any other. Takes the vocabulary and the merges out of `file`.
std::unique_ptr<Model> make_model(TokenizerFile& file, const std::string& where);
std::unique_ptr<Model> make_bpe(TokenizerFile& file, const std::string& where);

}  // namespace firstlight::text
